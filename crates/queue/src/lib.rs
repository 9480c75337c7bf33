//! The doorbell, and the news.
//!
//! A bell says "look at the rows, there may be work"; news says "something happened to
//! build N". Neither carries anything: the row is the truth, so one that is lost, doubled
//! or late does no harm as long as everybody also looks now and then. This crate is the
//! one place that knows what the bells hang on; the others see [`Queue`].

mod local;
mod relay;

use std::time::Duration;

use slipway_domain::BuildId;
use thiserror::Error;

pub use relay::{Relay, relay_one};

/// The longest a station may wait without looking at the rows by itself.
pub const POLL: Duration = Duration::from_secs(1);

/// A handle on the queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Local(local::Local),
}

/// Something that happened, as a hint: whoever missed it finds it in the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The build has new events.
    Happened(BuildId),
    /// Somebody asked for the build to stop.
    CancelAsked(BuildId),
    /// Some news was missed: look at everything.
    Missed,
}

/// Why a bell was not rung.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The broker does not answer. The outbox keeps the bell.
    #[error("the queue does not answer")]
    Unavailable,
    /// Settings that cannot be used.
    #[error("{0}")]
    Settings(String),
}

/// A worker's place at the door.
#[derive(Debug)]
pub struct Bells {
    kind: local::Bells,
}

/// A follower's ear.
#[derive(Debug)]
pub struct Ear {
    kind: local::Ear,
}

impl Queue {
    /// Opens the queue at `url`: `local:` rings within this process.
    ///
    /// # Errors
    /// When the URL is of another kind.
    pub fn open(url: &str) -> Result<Self, QueueError> {
        match url {
            "local:" => Ok(Self { kind: Kind::Local(local::Local::default()) }),
            _ => Err(QueueError::Settings("queue.url must be local:".into())),
        }
    }

    /// Rings for builds that wait in line.
    ///
    /// # Errors
    /// When the broker does not confirm; ring again later.
    #[expect(clippy::unused_async, reason = "a broker has to be waited for")]
    pub async fn ring(&self, builds: &[BuildId]) -> Result<(), QueueError> {
        match &self.kind {
            Kind::Local(local) => local.ring(builds),
        }
        Ok(())
    }

    /// Takes a place at the door. Take it before looking at the rows.
    #[must_use]
    pub fn bells(&self) -> Bells {
        match &self.kind {
            Kind::Local(local) => Bells { kind: local.bells() },
        }
    }

    /// Tells whoever listens. Never waits and never fails: it is a hint.
    pub fn tell(&self, news: News) {
        match &self.kind {
            Kind::Local(local) => local.tell(news),
        }
    }

    /// Begins to listen. Begin before looking at the rows.
    #[must_use]
    pub fn listen(&self) -> Ear {
        match &self.kind {
            Kind::Local(local) => Ear { kind: local.listen() },
        }
    }

    /// Tells the relay that the outbox has bells. Call it right after the commit.
    pub fn outbox_filled(&self) {
        match &self.kind {
            Kind::Local(local) => local.outbox_filled(),
        }
    }

    /// Waits for [`Queue::outbox_filled`].
    async fn outbox_wait(&self) {
        match &self.kind {
            Kind::Local(local) => local.outbox_wait().await,
        }
    }
}

impl Bells {
    /// Waits for a bell. Hold a free slot before you do: a bell that is taken and not
    /// acted on is a build that waits for nothing.
    pub async fn next(&mut self) {
        self.kind.next().await;
    }
}

impl Ear {
    /// Waits for the next news.
    pub async fn next(&mut self) -> News {
        self.kind.next().await
    }
}
