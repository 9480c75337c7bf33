//! A blob on its way from one registry to another.
//!
//! The connection to the target asks for each piece, and the connection to the source is read for
//! it then: between the two there is nobody who would have to be woken for each.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use slipway_outbound::{Body, FetchError};
use tokio::sync::oneshot;

use super::digest::Digest;
use super::summing::Summing;

/// Why a blob is not passed on to its end.
#[derive(Debug)]
pub(super) enum Broke {
    /// The source broke off, or has more.
    Fetch(FetchError),
    /// The source has fewer bytes, so many.
    Short(u64),
    /// They are the bytes of another digest.
    Other(Digest),
    /// Nobody could sum them up.
    NotSummed,
}

/// Bytes that are passed on as they are asked for.
pub(super) struct Passing {
    body: Body,
    digest: Digest,
    size: u64,
    /// None once all were summed up.
    summing: Option<Summing>,
    got: u64,
    /// The last piece, which goes only when all of them are known to be right.
    held: Bytes,
    /// Where it is told how much has passed.
    passed: Arc<AtomicU64>,
}

impl Passing {
    /// Begins with the first byte of `body`, which is to have `size` bytes of this `digest`.
    pub(super) fn start(body: Body, digest: Digest, size: u64, passed: Arc<AtomicU64>) -> Self {
        let summing = Some(Summing::start(digest.begin()));
        Self { body, digest, size, summing, got: 0, held: Bytes::new(), passed }
    }

    /// The bytes. Where they break off, the stream ends in an error, and says why to whoever has
    /// the receiver.
    pub(super) fn into_stream(
        self,
    ) -> (BoxStream<'static, io::Result<Bytes>>, oneshot::Receiver<Broke>) {
        let (tell, broke) = oneshot::channel();
        let pieces = stream::unfold(Some((self, tell)), |passing| async move {
            let (mut passing, tell) = passing?;
            match passing.next().await {
                Ok(Some(piece)) => Some((Ok(piece), Some((passing, tell)))),
                Ok(None) => None,
                Err(why) => {
                    // Nobody listens any more when the copy was given up.
                    let _ = tell.send(why);
                    Some((Err(io::ErrorKind::BrokenPipe.into()), None))
                }
            }
        });
        (pieces.boxed(), broke)
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Broke> {
        while let Some(piece) = self.body.chunk().await.map_err(Broke::Fetch)? {
            if let Some(summing) = &mut self.summing {
                summing.add(piece.clone()).await;
            }
            let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            self.got += length;
            self.passed.fetch_add(length, Ordering::Relaxed);
            let before = std::mem::replace(&mut self.held, piece);
            if !before.is_empty() {
                return Ok(Some(before));
            }
        }
        let Some(summing) = self.summing.take() else { return Ok(None) };
        if self.got != self.size {
            return Err(Broke::Short(self.got));
        }
        match summing.end().await {
            Some(made) if made == self.digest => {
                Ok(Some(std::mem::take(&mut self.held)).filter(|last| !last.is_empty()))
            }
            Some(other) => Err(Broke::Other(other)),
            None => Err(Broke::NotSummed),
        }
    }
}
