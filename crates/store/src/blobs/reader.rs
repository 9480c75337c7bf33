//! Reading a blob, wherever it is, as if it were a file.
//!
//! Archives are read on blocking threads, and some of them (zip) from their end. A file can
//! do that. A blob in a bucket comes as a stream: a task fetches it a few pieces ahead of
//! the reader, and begins again where a connection broke off; to go elsewhere in it is to
//! begin another stream there.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use futures::TryStreamExt as _;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

/// Pieces that are fetched ahead of the reader; one is what a read of a socket brings.
const AHEAD: usize = 8;
/// How often a stream that breaks off is begun again before the next byte comes.
const TRIES: u32 = 5;
/// Between the tries: 1, 2, 4 and 8 times as long.
const PAUSE: Duration = Duration::from_millis(250);
/// A step forward that is shorter is read over: a new request takes longer.
const STEP: u64 = 256 * 1024;

/// A blob, open for reading on a blocking thread.
#[derive(Debug)]
pub enum Blob {
    /// It is a file.
    File(File),
    /// It is in a bucket.
    Object(Object),
}

/// A blob in a bucket.
pub struct Object {
    source: Source,
    size: u64,
    /// Where the reader is.
    at: u64,
    /// What comes next, as far as it is here.
    piece: Bytes,
    stream: Option<Pieces>,
    runtime: Handle,
}

/// What is fetched.
#[derive(Clone)]
struct Source {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// Half of one blob and half of another must never be read as one.
    e_tag: Option<String>,
}

struct Pieces {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    _fetching: AbortOnDropHandle<()>,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("path", &self.source.path).field("at", &self.at).finish()
    }
}

impl Object {
    /// To be called inside of a runtime, which fetches for the reader.
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        path: Path,
        size: u64,
        e_tag: Option<String>,
    ) -> Self {
        let source = Source { store, path, e_tag };
        let (piece, runtime) = (Bytes::new(), Handle::current());
        Self { source, size, at: 0, piece, stream: None, runtime }
    }

    /// Waits for the next piece, which is not empty.
    fn next(&mut self) -> io::Result<Bytes> {
        let stream = self.stream.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::channel(AHEAD);
            let fetching = self.source.clone().fetch(self.at..self.size, sender);
            Pieces { receiver, _fetching: AbortOnDropHandle::new(self.runtime.spawn(fetching)) }
        });
        match stream.receiver.blocking_recv() {
            Some(piece) => piece,
            None => Err(io::Error::other("nobody fetches the blob any more")),
        }
    }

    fn go_to(&mut self, to: u64) -> io::Result<()> {
        let ahead = to.checked_sub(self.at);
        match ahead.and_then(|bytes| usize::try_from(bytes).ok()) {
            Some(bytes) if bytes <= self.piece.len() => self.piece.advance(bytes),
            Some(bytes) if self.stream.is_some() && ahead <= Some(STEP) && to < self.size => {
                let mut left = bytes - self.piece.len();
                self.piece.clear();
                self.at = to - u64::try_from(left).unwrap_or(0);
                while left > 0 {
                    let mut piece = self.next()?;
                    let over = left.min(piece.len());
                    piece.advance(over);
                    left -= over;
                    self.piece = piece;
                }
            }
            _ => {
                self.piece.clear();
                self.stream = None;
            }
        }
        self.at = to;
        Ok(())
    }
}

impl Read for Object {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || self.at >= self.size {
            return Ok(0);
        }
        if self.piece.is_empty() {
            self.piece = self.next()?;
        }
        let count = into.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut into[..count]);
        self.at += u64::try_from(count).unwrap_or(0);
        Ok(count)
    }
}

impl Seek for Object {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(to) => Some(to),
            SeekFrom::End(step) => self.size.checked_add_signed(step),
            SeekFrom::Current(step) => self.at.checked_add_signed(step),
        };
        let to = to.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        // Beyond the end there is nothing, as in a file.
        self.go_to(to)?;
        Ok(to)
    }
}

impl Read for Blob {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(into),
            Self::Object(object) => object.read(into),
        }
    }
}

impl Seek for Blob {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Object(object) => object.seek(to),
        }
    }
}

impl Source {
    /// Sends the bytes of the range, whatever breaks meanwhile, or the error that ended it.
    async fn fetch(self, mut range: Range<u64>, sender: mpsc::Sender<io::Result<Bytes>>) {
        let mut tries = 0;
        while range.start < range.end {
            let before = range.start;
            let Err(error) = self.stream(&mut range, &sender).await else { return };
            tries = if range.start > before { 1 } else { tries + 1 };
            if tries >= TRIES || !can_pass(&error) {
                let _ = sender.send(Err(io::Error::other(error))).await;
                return;
            }
            tracing::info!(at = range.start, "a blob's stream broke off, and is begun again there");
            tokio::time::sleep(PAUSE * 2_u32.pow(tries - 1)).await;
        }
    }

    /// One stream, to its end or to where it breaks. Ends well, too, when nobody reads.
    async fn stream(
        &self,
        range: &mut Range<u64>,
        sender: &mpsc::Sender<io::Result<Bytes>>,
    ) -> object_store::Result<()> {
        let options = GetOptions {
            range: Some(range.clone().into()),
            if_match: self.e_tag.clone(),
            ..GetOptions::default()
        };
        let mut stream = self.store.get_opts(&self.path, options).await?.into_stream();
        while let Some(piece) = stream.try_next().await? {
            range.start += u64::try_from(piece.len()).unwrap_or(0);
            if !piece.is_empty() && sender.send(Ok(piece)).await.is_err() {
                range.start = range.end;
                return Ok(());
            }
        }
        if range.start == range.end {
            return Ok(());
        }
        let source = io::Error::from(io::ErrorKind::UnexpectedEof).into();
        Err(object_store::Error::Generic { store: "S3", source })
    }
}

/// A blob that is gone, or is another by now, stays so.
fn can_pass(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { .. })
}
