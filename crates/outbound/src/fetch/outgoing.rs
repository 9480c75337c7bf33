//! What is sent with a request, and how long its receiver has taken nothing of it.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Frame;
use tokio::time::{Instant, sleep_until};

/// What hyper sends.
pub(super) type Sent = UnsyncBoxBody<Bytes, io::Error>;

/// Bytes to send, and how many, where that is known: a stream that ends earlier or goes on ends
/// the request.
pub struct Outgoing {
    /// How many there are; `None` sends them in chunks.
    pub(super) bytes: Option<u64>,
    stream: Watched,
}

impl Outgoing {
    /// Sends what is at hand.
    #[must_use]
    pub fn bytes(bytes: Bytes) -> Self {
        // A length in memory fits into 64 bits.
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self::stream(length, stream::iter([Ok(bytes)]).boxed())
    }

    /// Sends `bytes` bytes as they come. No more is taken than the connection takes. An error
    /// ends the request before its end, so that nobody takes it for whole.
    #[must_use]
    pub fn stream(bytes: u64, stream: BoxStream<'static, io::Result<Bytes>>) -> Self {
        Self { bytes: Some(bytes), stream: Watched { stream, heard: Heard::default() } }
    }

    /// Sends pieces in chunks, each as soon as it is there. Nothing is taken ahead of the
    /// receiver but what the connection holds (64 KiB and the system's buffers). It may last for
    /// as long as it likes: only a receiver that takes nothing is given up.
    #[must_use]
    pub fn pieces(pieces: BoxStream<'static, Bytes>) -> Self {
        let stream = pieces.map(Ok).boxed();
        Self { bytes: None, stream: Watched { stream, heard: Heard::default() } }
    }

    /// When the receiver was last heard of.
    pub(super) fn heard(&self) -> Heard {
        self.stream.heard.clone()
    }

    pub(super) fn sent(outgoing: Option<Self>) -> Sent {
        match outgoing {
            Some(Self { stream, .. }) => {
                StreamBody::new(stream.map(|piece| piece.map(Frame::data))).boxed_unsync()
            }
            None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Since when the other end is waited for.
#[derive(Debug, Clone)]
pub(super) struct Heard(Arc<Mutex<Option<Instant>>>);

impl Default for Heard {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some(Instant::now()))))
    }
}

impl Heard {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// The other end is there, and is waited for from now on.
    pub(super) fn begin(&self) {
        self.set(Some(Instant::now()));
    }

    /// For how long the other end has been waited for.
    pub(super) fn waited(&self) -> Duration {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Returns when nothing was heard for so long. While the next piece is waited for on this
    /// end, the other is not to blame.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let until = since.unwrap_or_else(Instant::now) + limit;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

/// Notes when a piece is taken: the connection asks for the next when it is rid of the last.
struct Watched {
    stream: BoxStream<'static, io::Result<Bytes>>,
    heard: Heard,
}

impl Stream for Watched {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.stream.as_mut().poll_next(context);
        self.heard.set(polled.is_ready().then(Instant::now));
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_waited_for_is_to_blame() {
        let limit = Duration::from_millis(100);
        let (sender, pieces) = tokio::sync::mpsc::channel::<io::Result<Bytes>>(1);
        let pieces = stream::unfold(pieces, |mut pieces| async move {
            pieces.recv().await.map(|piece| (piece, pieces))
        });
        let Outgoing { mut stream, .. } = Outgoing::stream(3, pieces.boxed());
        let heard = stream.heard.clone();
        // The piece is late, and that is this end's own doing.
        let sending = async {
            tokio::time::sleep(limit * 5).await;
            let sent = Instant::now();
            sender.send(Ok(Bytes::from_static(b"abc"))).await.unwrap();
            sent
        };
        let taking = async { tokio::join!(stream.next(), sending) };
        let sent = tokio::select! {
            biased;
            (piece, sent) = taking => {
                assert_eq!(piece.unwrap().unwrap(), "abc");
                sent
            }
            () = heard.idle_for(limit) => panic!("nobody else was waited for"),
        };
        heard.idle_for(limit).await;
        assert!(sent.elapsed() >= limit, "{:?}", sent.elapsed());
    }
}
