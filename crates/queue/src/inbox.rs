//! What the relay of this process is told of the outbox.
//!
//! A bell that this process has just written need not be looked up: it is rung by what is known
//! of it, a walk to the database and a transaction sooner. The rows have it all the same, for
//! whoever comes after a crash.

use std::sync::{Mutex, MutexGuard, PoisonError};

use slipway_store::outbox::DueBell;
use tokio::sync::Notify;

/// Bells that are kept here while the relay is at others; beyond, it looks at the outbox.
const MOST: usize = 256;

/// What there is to relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// These, which are in rows.
    These(Vec<DueBell>),
    /// Whatever is in the outbox.
    Whatever,
}

/// Where whoever fills the outbox tells the relay.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    told: Mutex<Told>,
    came: Notify,
}

#[derive(Debug, Default)]
struct Told {
    bells: Vec<DueBell>,
    /// There are some that are not known here.
    more: bool,
}

impl Inbox {
    /// This bell is in the outbox now.
    pub(crate) fn has(&self, bell: DueBell) {
        let mut told = self.told();
        if told.bells.len() < MOST {
            told.bells.push(bell);
        } else {
            told.more = true;
        }
        drop(told);
        self.came.notify_one();
    }

    /// Some bells are.
    pub(crate) fn filled(&self) {
        self.told().more = true;
        self.came.notify_one();
    }

    /// Waits until there is something to relay.
    pub(crate) async fn due(&self) -> Due {
        loop {
            let Told { bells, more } = std::mem::take(&mut *self.told());
            if more {
                // What is known is among them.
                return Due::Whatever;
            }
            if !bells.is_empty() {
                return Due::These(bells);
            }
            self.came.notified().await;
        }
    }

    /// Forgets all that was told so far: who does so looks at the outbox next.
    pub(crate) fn forget(&self) {
        *self.told() = Told::default();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
