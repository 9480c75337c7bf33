//! What a follower is told while a build waits.
//!
//! A waiting build has no events, and a follower that sees nothing cannot tell it from one
//! that is forgotten. The reason is looked up for all who follow, and told again when it is
//! another one. It is no event: it has no number, and nothing is written for it.

use std::time::Duration;

use slipway_domain::{BuildId, BuildState, Event, EventBody};
use slipway_store::builds::{self, Build, Waiting};
use slipway_store::{Store, StoreError};
use tokio::time::Instant;

/// A build that is claimed within this was not worth a word.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// Counting who is before a build takes longer the longer the line is, and the line is long
/// where many follow: looks become rarer.
const RAREST_LOOK: Duration = Duration::from_secs(10);

/// What is known of why a build waits.
pub(crate) struct Wait {
    store: Store,
    build: BuildId,
    /// When to look next; never while the build does not wait.
    next_look: Option<Instant>,
    pause: Duration,
    /// The reason that was told last.
    told: Option<String>,
}

impl Wait {
    pub(crate) fn of(store: &Store, build: &Build) -> Self {
        let mut wait = Self {
            store: store.clone(),
            build: build.id,
            next_look: None,
            pause: FIRST_LOOK,
            told: None,
        };
        if build.state == BuildState::Queued {
            wait.begin();
        }
        wait
    }

    /// Notes what the followers are told otherwise.
    pub(crate) fn note(&mut self, events: &[Event]) {
        for event in events {
            if let EventBody::State { status, .. } = &event.body {
                match status {
                    BuildState::Queued => self.begin(),
                    BuildState::Running(_) | BuildState::Finished(_) => self.next_look = None,
                }
            }
        }
    }

    /// Waits for a reason that was not told yet; for ever while the build does not wait. May
    /// be cancelled and called again.
    ///
    /// # Errors
    /// When the database does not answer; call again to go on.
    pub(crate) async fn news(&mut self) -> Result<Waiting, StoreError> {
        loop {
            match self.next_look {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
            self.next_look = Some(Instant::now() + self.pause);
            self.pause = (self.pause * 2).min(RAREST_LOOK);
            let Some(build) = builds::find(&self.store, self.build).await? else { continue };
            let waiting = builds::waiting(&self.store, &build, self.store.now()).await?;
            if let Some(waiting) = waiting
                && self.told.as_ref() != Some(&waiting.reason)
            {
                self.told = Some(waiting.reason.clone());
                return Ok(waiting);
            }
        }
    }

    /// Whether the build waits, as far as is known.
    pub(crate) fn waits(&self) -> bool {
        self.next_look.is_some()
    }

    fn begin(&mut self) {
        self.pause = FIRST_LOOK;
        self.next_look = Some(Instant::now() + FIRST_LOOK);
        self.told = None;
    }
}
