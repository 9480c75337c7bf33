//! The doorbell, and the news.
//!
//! A bell says "look at the rows, there may be work"; news says "something happened to
//! build N". Neither carries anything: the row is the truth, so one that is lost, doubled
//! or late does no harm as long as everybody also looks now and then. This crate is the
//! one place that knows what the bells hang on; the others see [`Queue`].

mod broker;
mod inbox;
mod local;
mod relay;

use std::time::Duration;

use slipway_domain::BuildId;
use slipway_store::outbox::DueBell;
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
    Broker(broker::Broker),
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

/// What news of other processes a process hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hears {
    /// All of it: it has followers.
    Everything,
    /// That builds are asked to stop: it has workers. What happens in all the builds of all the
    /// others is much, and nothing to it.
    CancelAsked,
}

/// Why a bell was not rung.
#[derive(Debug, Error)]
pub enum QueueError {
    /// The broker is away, for this reason. The outbox keeps the bell.
    #[error("the broker is away: {0}")]
    Unavailable(String),
    /// Settings that cannot be used.
    #[error("{0}")]
    Settings(String),
}

/// A worker's place at the door.
#[derive(Debug)]
pub struct Bells {
    kind: BellsKind,
}

#[derive(Debug)]
enum BellsKind {
    Local(local::Bells),
    Broker(broker::Bells),
}

/// A bell in hand: there may be work. Say [`Bell::answered`] once you have looked; a bell
/// that is dropped rings for somebody else.
#[derive(Debug)]
#[must_use = "a bell that is dropped rings again"]
pub struct Bell {
    kind: BellKind,
}

#[derive(Debug)]
enum BellKind {
    Local(local::Bell),
    Broker(broker::Bell),
}

/// A follower's ear.
#[derive(Debug)]
pub struct Ear {
    kind: local::Ear,
}

impl Queue {
    /// Opens the queue at `url`: `local:` rings within this process, `amqp://…` and
    /// `amqps://…` over a RabbitMQ broker (3.10 or later). Needs a Tokio runtime around it.
    ///
    /// Returns before there is a connection, and a broker that is away is no error:
    /// [`Queue::problem`] says so until it is back.
    ///
    /// # Errors
    /// When the URL is of another kind.
    pub fn open(url: &str) -> Result<Self, QueueError> {
        Self::open_for(url, Hears::Everything)
    }

    /// [`Queue::open`], for a process that does not have to hear everything.
    ///
    /// # Errors
    /// When the URL is of another kind.
    pub fn open_for(url: &str, hears: Hears) -> Result<Self, QueueError> {
        let kind = match url {
            "local:" => Kind::Local(local::Local::default()),
            url => Kind::Broker(broker::Broker::open(broker::Address::parse(url)?, hears)),
        };
        Ok(Self { kind })
    }

    /// Whether `url` names a queue, without a word to its broker.
    ///
    /// # Errors
    /// As of [`Queue::open`].
    pub fn check_url(url: &str) -> Result<(), QueueError> {
        match url {
            "local:" => Ok(()),
            url => broker::Address::parse(url).map(drop),
        }
    }

    /// Rings for builds that wait in line, and returns when the broker has them all safe.
    ///
    /// # Errors
    /// When the broker does not say so of each within five seconds; ring again later.
    pub async fn ring(&self, builds: &[BuildId]) -> Result<(), QueueError> {
        match &self.kind {
            Kind::Local(local) => local.ring(builds),
            Kind::Broker(broker) => broker.ring(builds).await?,
        }
        Ok(())
    }

    /// Takes a place at the door. Take it before looking at the rows.
    #[must_use]
    pub fn bells(&self) -> Bells {
        let kind = match &self.kind {
            Kind::Local(local) => BellsKind::Local(local.bells()),
            Kind::Broker(broker) => BellsKind::Broker(broker.bells()),
        };
        Bells { kind }
    }

    /// Tells whoever listens, in this process at once. Never waits and never fails: it is a
    /// hint.
    pub fn tell(&self, news: News) {
        match &self.kind {
            Kind::Local(local) => local.tell(news),
            Kind::Broker(broker) => broker.tell(news),
        }
    }

    /// Begins to listen. Begin before looking at the rows.
    #[must_use]
    pub fn listen(&self) -> Ear {
        let kind = match &self.kind {
            Kind::Local(local) => local.listen(),
            Kind::Broker(broker) => broker.listen(),
        };
        Ear { kind }
    }

    /// What keeps bells and news from going between processes, in words for people and
    /// without a secret; `None` when all is well. Work goes on by polling meanwhile.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match &self.kind {
            Kind::Local(_) => None,
            Kind::Broker(broker) => broker.problem(),
        }
    }

    /// Tells the relay that the outbox has this bell. Call it right after the commit.
    pub fn outbox_has(&self, bell: DueBell) {
        self.inbox().has(bell);
    }

    /// Tells the relay that the outbox has bells. Call it right after the commit.
    pub fn outbox_filled(&self) {
        self.inbox().filled();
    }

    fn inbox(&self) -> &inbox::Inbox {
        self.within().inbox()
    }

    /// Waits until the broker is there again.
    async fn reopened(&self) {
        match &self.kind {
            Kind::Local(_) => std::future::pending().await,
            Kind::Broker(broker) => broker.reopened().await,
        }
    }

    /// What this process has for itself, whatever the others are reached by.
    fn within(&self) -> &local::Local {
        match &self.kind {
            Kind::Local(local) => local,
            Kind::Broker(broker) => broker.local(),
        }
    }
}

impl Bells {
    /// Waits for a bell, and through any absence of the broker. Hold a free slot before you
    /// do: a bell that is taken and not acted on is a build that waits for nothing. May be
    /// dropped while it waits: a bell that comes just then rings for somebody else.
    ///
    /// Answer one bell before you wait for the next.
    pub async fn next(&mut self) -> Bell {
        let kind = match &mut self.kind {
            BellsKind::Local(bells) => BellKind::Local(bells.next().await),
            BellsKind::Broker(bells) => BellKind::Broker(bells.next().await),
        };
        Bell { kind }
    }
}

impl Bell {
    /// Silences it: somebody has looked at the rows. At the claim, not at the end of the
    /// build: RabbitMQ closes the channel of whoever holds a message for half an hour, and
    /// gives it to somebody else. From the claim on, the lease counts.
    pub fn answered(self) {
        match self.kind {
            BellKind::Local(bell) => bell.answered(),
            BellKind::Broker(bell) => bell.answered(),
        }
    }

    /// Whether it rang for one build alone. Within a process, bells that ring at once are one.
    #[must_use]
    pub const fn is_of_one(&self) -> bool {
        match self.kind {
            BellKind::Local(_) => false,
            BellKind::Broker(_) => true,
        }
    }
}

impl Ear {
    /// Waits for the next news.
    pub async fn next(&mut self) -> News {
        self.kind.next().await
    }
}
