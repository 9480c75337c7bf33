//! The bytes of an answer, under their limits.

use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, Stream};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};

use super::error::{FetchError, FetchErrorKind};
use super::exchange::Connection;
use super::limits::Limits;
use super::pace::Pace;
use super::progress::Progress;

/// The bytes of an answer as they come. Nothing is fetched ahead of the reader but what the
/// connection holds (64 KiB and the system's buffers). Dropping it closes the connection.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    limits: Limits,
    deadline: Instant,
    pace: Pace,
    progress: Progress,
    /// Where it is fetched from, without a kind of error yet.
    addresses: (String, String),
    _connection: Connection,
}

impl Body {
    pub(super) fn new(
        incoming: Incoming,
        connection: Connection,
        limits: Limits,
        deadline: Instant,
        addresses: (String, String),
    ) -> Self {
        let announced = incoming.size_hint().exact();
        Self {
            incoming,
            limits,
            deadline,
            pace: Pace::new(&limits),
            progress: Progress::new(announced),
            addresses,
            _connection: connection,
        }
    }

    /// Refuses a body that is announced as too long.
    pub(super) fn fits(self) -> Result<Self, FetchErrorKind> {
        let announced = self.progress.of();
        if announced.is_some_and(|bytes| bytes > self.limits.bytes) {
            return Err(FetchErrorKind::TooLarge { limit: self.limits.bytes, announced });
        }
        Ok(self)
    }

    /// How far the reading is, for others to look at.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The next bytes; `None` at the end, which is known to be the end.
    ///
    /// # Errors
    /// [`FetchErrorKind`] from `Idle` on: too long without a byte, too slow, too late, too
    /// much, or cut off. After an error there is nothing more to read.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        self.next().await.map_err(|kind| {
            let (asked, at) = self.addresses.clone();
            FetchError { asked, at, kind }
        })
    }

    /// The same as a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, FetchError>> + Send {
        stream::unfold(Some(self), |body| async move {
            let mut body = body?;
            match body.chunk().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(body))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchErrorKind> {
        loop {
            let asked = Instant::now();
            let until = self.deadline.min(asked + self.limits.idle);
            let Ok(frame) = timeout_at(until, self.incoming.frame()).await else {
                return Err(self.given_up(until));
            };
            let Some(frame) = frame else { return Ok(None) };
            let Ok(frame) = frame else { return Err(self.cut()) };
            // Trailers hold nothing that is wanted.
            let Ok(bytes) = frame.into_data() else { continue };
            self.count(&bytes, asked.elapsed())?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    fn count(&mut self, bytes: &Bytes, waited: Duration) -> Result<(), FetchErrorKind> {
        // A length in memory fits into 64 bits.
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.progress.add(more) > self.limits.bytes {
            return Err(FetchErrorKind::TooLarge { limit: self.limits.bytes, announced: None });
        }
        if Instant::now() >= self.deadline {
            return Err(FetchErrorKind::TimedOut(self.limits.total));
        }
        self.pace.came(more, waited)
    }

    fn given_up(&self, until: Instant) -> FetchErrorKind {
        if until == self.deadline {
            FetchErrorKind::TimedOut(self.limits.total)
        } else {
            FetchErrorKind::Idle(self.limits.idle)
        }
    }

    fn cut(&self) -> FetchErrorKind {
        FetchErrorKind::Cut { got: self.progress.bytes(), of: self.progress.of() }
    }
}
