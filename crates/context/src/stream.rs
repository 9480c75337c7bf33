//! The guard at work on a thread of its own, its output a stream for the engine's request.
//!
//! Reading archives and inflating them blocks and takes the processor; neither belongs on
//! the runtime's own threads. The channel between is short, so that the guard goes as fast
//! as the engine reads and no faster, whatever the size of the context.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::{FutureExt as _, Stream};
use slipway_domain::{Failure, Reason};
use thiserror::Error;
use tokio::sync::mpsc;

use crate::ignore::Ignore;
use crate::{ContextError, ContextOptions, ContextSummary, ContextWriter, copy_guarded};

/// Bytes in one piece of the stream: large enough that handing it over costs nothing.
const PIECE: usize = 128 << 10;
/// Pieces that wait for the engine at most.
const WAITING: usize = 4;

/// A build context on its way to the engine.
pub struct OpenContext {
    /// The clean tar. It ends in an error when the context is refused; dropping it makes
    /// the guard stop.
    pub stream: ContextStream,
    /// What the guard found. It is there once the stream has ended or was dropped, and is
    /// the reason to show when the engine complains about a body that broke off; unless it
    /// is [`ContextError::ReceiverGone`], when the engine broke off first.
    pub done: BoxFuture<'static, Result<ContextSummary, ContextError>>,
}

/// The pieces of a clean tar.
pub struct ContextStream {
    pieces: mpsc::Receiver<Piece>,
    over: bool,
}

/// The end is a piece of its own: a channel that just closes (the guard refused, or its
/// thread died) must never pass for the end of the archive.
pub(crate) enum Piece {
    Bytes(Bytes),
    End,
}

/// Reads `archive` through [`copy_guarded`] on a blocking thread. Needs a tokio runtime.
pub fn stream_guarded(
    archive: impl Read + Seek + Send + 'static,
    options: ContextOptions,
) -> OpenContext {
    let (stream, done) = on_thread(move |sender| {
        let archive = WhileWanted { archive, sender: sender.clone() };
        copy_guarded(archive, &options, ContextSink::new(sender))
    });
    OpenContext { stream, done }
}

/// Lets `write` fill a context on a blocking thread, for a tree that is no archive; `ignore`
/// are the rules of its `.dockerignore`. What `write` fails with ends the context, and it is
/// finished when `write` is done. Needs a tokio runtime.
pub fn stream_tree<F>(options: ContextOptions, ignore: Ignore, write: F) -> OpenContext
where
    F: FnOnce(&mut ContextWriter<ContextSink>) -> Result<(), ContextError> + Send + 'static,
{
    let (stream, done) = on_thread(move |sender| {
        let mut context = ContextWriter::new(&options, ignore, ContextSink::new(sender))?;
        write(&mut context)?;
        context.finish()
    });
    OpenContext { stream, done }
}

/// Lets `fill` make the pieces of a stream, and tells what came of it.
pub(crate) fn on_thread<F, E>(
    fill: F,
) -> (ContextStream, BoxFuture<'static, Result<ContextSummary, E>>)
where
    F: FnOnce(mpsc::Sender<Piece>) -> Result<ContextSummary, E> + Send + 'static,
    E: From<ContextError> + From<Failure> + Send + 'static,
{
    let (sender, pieces) = mpsc::channel(WAITING);
    let span = tracing::Span::current();
    let guard = tokio::task::spawn_blocking(move || {
        let _entered = span.enter();
        let summary = fill(sender.clone())?;
        sender.blocking_send(Piece::End).map_err(|_| ContextError::ReceiverGone)?;
        Ok(summary)
    });
    let done = guard.map(|joined| {
        joined.unwrap_or_else(|error| {
            tracing::error!(%error, "the guard of build contexts died");
            Err(Failure::new(Reason::Internal, "the build context could not be read").into())
        })
    });
    (ContextStream { pieces, over: false }, done.boxed())
}

impl OpenContext {
    /// A context that is at hand and of our own making.
    pub(crate) fn of_bytes(tar: Bytes, summary: ContextSummary) -> Self {
        let (sender, pieces) = mpsc::channel(2);
        // There is room for both, and nobody has closed the channel.
        let sent = sender.try_send(Piece::Bytes(tar)).and(sender.try_send(Piece::End));
        let result = sent.map(|()| summary).map_err(|_| ContextError::ReceiverGone);
        Self {
            stream: ContextStream { pieces, over: false },
            done: std::future::ready(result).boxed(),
        }
    }
}

impl Stream for ContextStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        Poll::Ready(match ready!(self.pieces.poll_recv(context)) {
            Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
            Some(Piece::End) => {
                self.over = true;
                None
            }
            None => {
                self.over = true;
                Some(Err(io::Error::other("the build context broke off")))
            }
        })
    }
}

/// The archive, for as long as someone takes what comes of it. Without this, a thread that
/// reads much and writes nothing would not notice that it can stop.
struct WhileWanted<R> {
    archive: R,
    sender: mpsc::Sender<Piece>,
}

impl<R: Read> Read for WhileWanted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.sender.is_closed() {
            return Err(io::Error::other(Unwanted));
        }
        self.archive.read(into)
    }
}

impl<R: Seek> Seek for WhileWanted<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.archive.seek(to)
    }
}

/// The read was given up, not failed: nobody takes the context any more.
#[derive(Debug, Error)]
#[error("nobody takes the build context any more")]
pub(crate) struct Unwanted;

/// Where a context goes that is read as a [`ContextStream`].
pub struct ContextSink {
    sender: mpsc::Sender<Piece>,
    piece: BytesMut,
}

impl ContextSink {
    pub(crate) fn new(sender: mpsc::Sender<Piece>) -> Self {
        Self { sender, piece: BytesMut::new() }
    }
}

impl Write for ContextSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.capacity() == 0 {
            self.piece.reserve(PIECE);
        }
        let count = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::take(&mut self.piece).freeze();
        self.sender.blocking_send(Piece::Bytes(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
