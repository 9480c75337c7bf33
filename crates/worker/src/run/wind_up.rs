//! What becomes of a build when its stages are over, however they went.

use std::time::Duration;

use chrono::TimeDelta;
use slipway_domain::{BuildState, Failure, Next, Outcome, Reason, Stage, now};
use slipway_store::builds::{Ending, HandBack};
use slipway_store::{StoreError, builds, images};

use super::{Run, Went, persist};
use crate::heartbeat::Interrupt;
use crate::purge::purge;

/// For taking an image off a host. Whatever is left then is the sweep's.
pub(super) const PURGE_LIMIT: Duration = Duration::from_secs(60);
/// A build that lost its host is not claimed at once again: the host's absence has to be
/// seen first.
const AFTER_A_LOSS: TimeDelta = TimeDelta::seconds(1);

impl Run<'_> {
    /// Purges what is left, and writes the end or the return into line. Says where the
    /// build stands now.
    pub(super) async fn wind_up(&self, went: Went) -> Result<BuildState, StoreError> {
        match went {
            Went::Well { purged } => self.finish(Ending::Succeeded, purged).await,
            Went::Wrong(failure) if failure.next() == Next::RetryElsewhere => {
                self.worker.pool.set_aside(self.lease.host());
                let note = format!("{}; the build is back in line", failure.message);
                self.hand_back(note, Some(self.masked(failure)), false).await
            }
            Went::Wrong(failure) => {
                let purged = self.purge_rest().await;
                let failure = self.masked(failure);
                let ending = if failure.reason == Reason::TimedOut {
                    Ending::TimedOut(failure)
                } else {
                    Ending::Failed(failure)
                };
                self.finish(ending, purged).await
            }
            Went::BrokenOff(Interrupt::Cancelled) => {
                let purged = self.purge_rest().await;
                self.finish(Ending::Cancelled, purged).await
            }
            Went::BrokenOff(Interrupt::Stopping) => {
                let purged = self.purge_quietly().await;
                let note = "the worker stopped; the build is back in line".to_owned();
                self.hand_back(note, None, purged).await
            }
            Went::BrokenOff(Interrupt::LeaseLost) => {
                // Nothing of the build is written any more. The image is this attempt's own.
                if self.purge_quietly().await {
                    let (build, attempt) = (self.lease.build(), self.lease.attempt());
                    images::purged(&self.worker.store, build, attempt).await?;
                }
                Err(StoreError::LeaseLost(self.lease.build()))
            }
        }
    }

    async fn finish(&self, ending: Ending, purged: bool) -> Result<BuildState, StoreError> {
        let state = BuildState::Finished(match &ending {
            Ending::Succeeded => Outcome::Succeeded,
            Ending::Failed(_) => Outcome::Failed,
            Ending::TimedOut(_) => Outcome::TimedOut,
            Ending::Cancelled => Outcome::Cancelled,
        });
        self.flushed().await?;
        persist(|| builds::finish(&self.worker.store, &self.lease, ending.clone(), purged, now()))
            .await?;
        Ok(state)
    }

    async fn hand_back(
        &self,
        note: String,
        loss: Option<Failure>,
        purged: bool,
    ) -> Result<BuildState, StoreError> {
        let not_before = if loss.is_some() { now() + AFTER_A_LOSS } else { now() };
        let max_attempts = self.worker.settings.max_attempts;
        let terms = HandBack { note: self.mask.apply(note), loss, max_attempts, not_before };
        self.flushed().await?;
        let state = persist(|| {
            builds::hand_back(&self.worker.store, &self.lease, terms.clone(), purged, now())
        })
        .await?;
        self.worker.queue.outbox_filled();
        Ok(state)
    }

    async fn flushed(&self) -> Result<(), StoreError> {
        self.log.flush().await.map_err(|_| StoreError::LeaseLost(self.lease.build()))
    }

    /// The purge of a build that was built, as a stage that followers see.
    async fn purge_rest(&self) -> bool {
        if matches!(self.stage(), Stage::Building | Stage::Pushing)
            && self.enter(Stage::Purging, None).await.is_err()
        {
            tracing::warn!("the purge could not be written down");
        }
        self.purge_quietly().await
    }

    /// Whether the host has confirmed that nothing of this attempt is left on it.
    async fn purge_quietly(&self) -> bool {
        let attempt = (self.lease.build(), self.lease.attempt());
        let purge = purge(self.worker, self.engine, attempt, &self.spec.image);
        match tokio::time::timeout(PURGE_LIMIT, purge).await {
            Ok(Ok(())) => true,
            Ok(Err(failure)) => {
                tracing::warn!(%failure, "the image could not be purged; the sweep will");
                false
            }
            Err(_) => {
                tracing::warn!("the purge took too long; the sweep will see to it");
                false
            }
        }
    }

    /// The failure without secrets: what an engine or registry says may quote one.
    fn masked(&self, failure: Failure) -> Failure {
        Failure {
            message: self.mask.apply(failure.message),
            hint: failure.hint.map(|hint| self.mask.apply(hint)),
            ..failure
        }
    }
}
