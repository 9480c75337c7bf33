//! Bells and news over RabbitMQ.
//!
//! The broker may be away at any time, and nothing waits for it: bells stay in the outbox,
//! workers look at the rows, news is lost and found there. A task of its own keeps a
//! connection; the others see in [`State`] whether there is one.

mod address;
mod bells;
mod link;
mod message;
mod reason;
mod seldom;
mod socket;
mod supervisor;
mod topology;

use std::sync::Arc;

use slipway_domain::BuildId;
use tokio::sync::{Notify, mpsc, watch};
use uuid::Uuid;

use crate::local::{Ear, Local};
use crate::{Hears, News, QueueError};

pub(crate) use address::Address;
pub(crate) use bells::{Bell, Bells};

/// How much news may wait to be sent. What comes on top is lost, which is no harm.
const NEWS_UNSENT: usize = 1024;

/// A handle on the broker. When the last one is dropped, the connection ends.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    /// Rings and tells within this process.
    local: Local,
    /// Told to other processes by the supervisor.
    unsent: mpsc::Sender<News>,
    state: watch::Receiver<State>,
    reopened: Arc<Notify>,
    strange: Arc<seldom::Seldom>,
}

/// Whether there is a connection.
#[derive(Debug, Clone)]
enum State {
    /// No, for this reason.
    Away(String),
    Up(Arc<link::Link>),
}

impl State {
    fn link(&self) -> Option<&Arc<link::Link>> {
        match self {
            Self::Up(link) => Some(link),
            Self::Away(_) => None,
        }
    }
}

impl Broker {
    /// Begins to connect, and goes on trying for as long as there is a handle.
    pub(crate) fn open(address: Address, hears: Hears) -> Self {
        let (unsent, to_send) = mpsc::channel(NEWS_UNSENT);
        let (state, seen) = watch::channel(State::Away("not connected yet".into()));
        let broker = Self {
            local: Local::default(),
            unsent,
            state: seen,
            reopened: Arc::default(),
            strange: Arc::default(),
        };
        let supervisor = supervisor::Supervisor {
            address,
            hears,
            me: Uuid::new_v4(),
            local: broker.local.clone(),
            to_send,
            state,
            reopened: Arc::clone(&broker.reopened),
            strange: Arc::clone(&broker.strange),
        };
        tokio::spawn(supervisor.run());
        broker
    }

    pub(crate) async fn ring(&self, builds: &[BuildId]) -> Result<(), QueueError> {
        let state = self.state.borrow().clone();
        match state {
            State::Up(link) => link.ring(builds).await,
            State::Away(reason) => Err(reason),
        }
        .map_err(QueueError::Unavailable)
    }

    pub(crate) fn bells(&self) -> Bells {
        Bells::at(self.state.clone(), Arc::clone(&self.strange))
    }

    pub(crate) fn tell(&self, news: News) {
        self.local.tell(news);
        // An error says that too much is unsent. Whoever misses it polls.
        let _ = self.unsent.try_send(news);
    }

    pub(crate) fn listen(&self) -> Ear {
        self.local.listen()
    }

    pub(crate) fn local(&self) -> &Local {
        &self.local
    }

    /// Waits for the next connection.
    pub(crate) async fn reopened(&self) {
        self.reopened.notified().await;
    }

    pub(crate) fn problem(&self) -> Option<String> {
        match &*self.state.borrow() {
            State::Up(link) => link.problem(),
            State::Away(reason) => Some(reason.clone()),
        }
        .map(|reason| format!("the broker is away: {reason}"))
    }
}
