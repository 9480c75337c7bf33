//! What becomes of a build when its stages are over, however they went.

use std::time::Duration;

use chrono::TimeDelta;
use slipway_domain::{BuildState, Failure, ImageRef, Next, Outcome, Reason, Stage};
use slipway_store::builds::{Ending, HandBack};
use slipway_store::{StoreError, builds, images};
use tokio::time::timeout;

use super::{Run, Through, Went};
use crate::heartbeat::Interrupt;
use crate::persist::persist;
use crate::purge::{Purged, Waits, free_name, purge};

/// For taking an image off a host. Whatever is left then is the sweep's.
const PURGE_LIMIT: Duration = Duration::from_secs(60);
/// A build that lost its host is not claimed at once again: the host's absence has to be
/// seen first.
const AFTER_A_LOSS: TimeDelta = TimeDelta::seconds(1);

/// One that lost something else than its host waits for that to be seen to.
const AFTER_ANOTHER_LOSS: TimeDelta = TimeDelta::seconds(10);

/// Whether the engine itself has said that it is done with the build. One that was only
/// left may finish the image yet: the sweep looks again then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    IsThrough,
    MayGoOn,
}

impl Run<'_> {
    /// Purges what is left, and writes the end or the return into line. Says where the
    /// build stands now.
    pub(super) async fn wind_up(&self, went: Went) -> Result<BuildState, StoreError> {
        match went {
            Went::Well(Through { digest, purged, turn }) => {
                let finished = self.succeed(digest.as_deref(), purged).await;
                // Whoever waits for it in this process would find the row taken before.
                drop(turn);
                finished
            }
            Went::Wrong(failure) if failure.next() == Next::RetryElsewhere => {
                self.worker.pool.set_aside(self.lease.host(), &failure);
                // A host that lost an image answers; the others are looked at when they do.
                let purged = failure.reason == Reason::ImageLost && self.purge_lost().await;
                let note = format!("{}; the build is back in line", failure.message);
                self.hand_back(note, Some(failure), purged).await
            }
            Went::Wrong(failure) if failure.next() == Next::RetryLater => {
                let purged = self.purge_quietly(Engine::MayGoOn).await;
                let note = format!("{}; the build is back in line", failure.message);
                self.hand_back(note, Some(failure), purged).await
            }
            Went::Wrong(failure) if failure.reason == Reason::TimedOut => {
                let purged = self.purge_rest(Engine::MayGoOn).await;
                self.finish(Ending::TimedOut(failure), purged).await
            }
            Went::Wrong(failure) => {
                let purged = self.purge_rest(Engine::IsThrough).await;
                self.finish(Ending::Failed(failure), purged).await
            }
            Went::BrokenOff(Interrupt::Cancelled) => {
                // A step that was under way when the stages were broken off is done then.
                let _ = self.log.flush().await;
                // The registry has it: the cancel came too late.
                let too_late = self.log.stage() == Stage::Purging;
                let ending = if too_late { Ending::Succeeded } else { Ending::Cancelled };
                let purged = self.purge_rest(Engine::MayGoOn).await;
                self.finish(ending, purged).await
            }
            Went::BrokenOff(Interrupt::Stopping) => {
                let purged = self.purge_quietly(Engine::MayGoOn).await;
                let note = "the worker stopped; the build is back in line".to_owned();
                self.hand_back(note, None, purged).await
            }
            Went::BrokenOff(Interrupt::LeaseLost) => {
                // Nothing of the build is written any more. The image is this attempt's own.
                if self.purge_quietly(Engine::MayGoOn).await {
                    let (build, attempt) = (self.lease.build(), self.lease.attempt());
                    images::purged(&self.worker.store, build, attempt).await?;
                }
                Err(StoreError::LeaseLost(self.lease.build()))
            }
        }
    }

    /// Writes the end of a build that ran through.
    async fn succeed(&self, digest: Option<&str>, purged: bool) -> Result<BuildState, StoreError> {
        self.flushed().await?;
        let (store, stage) = (&self.worker.store, self.log.stage());
        persist(|| builds::succeed(store, &self.lease, stage, digest, purged, store.now())).await?;
        Ok(BuildState::Finished(Outcome::Succeeded))
    }

    /// Writes the end. What is written of a failure passes the mask here and in
    /// [`Run::hand_back`], and nowhere else: an engine or a registry may quote a secret.
    async fn finish(&self, ending: Ending, purged: bool) -> Result<BuildState, StoreError> {
        let state = BuildState::Finished(match &ending {
            Ending::Succeeded => Outcome::Succeeded,
            Ending::Failed(_) => Outcome::Failed,
            Ending::TimedOut(_) => Outcome::TimedOut,
            Ending::Cancelled => Outcome::Cancelled,
        });
        let ending = match ending {
            Ending::Failed(failure) => Ending::Failed(self.masked(failure)),
            Ending::TimedOut(failure) => Ending::TimedOut(self.masked(failure)),
            ending @ (Ending::Succeeded | Ending::Cancelled) => ending,
        };
        self.flushed().await?;
        let store = &self.worker.store;
        persist(|| builds::finish(store, &self.lease, ending.clone(), purged, store.now())).await?;
        Ok(state)
    }

    async fn hand_back(
        &self,
        note: String,
        loss: Option<Failure>,
        purged: bool,
    ) -> Result<BuildState, StoreError> {
        let store = &self.worker.store;
        let now = store.now();
        let not_before = match loss.as_ref().map(Failure::next) {
            None => now,
            Some(Next::RetryLater) => now + AFTER_ANOTHER_LOSS,
            Some(Next::RetryElsewhere | Next::RetryPush | Next::Fail) => now + AFTER_A_LOSS,
        };
        let max_attempts = self.worker.settings.max_attempts;
        let loss = loss.map(|failure| self.masked(failure));
        let terms = HandBack { note: self.mask.apply(note), loss, max_attempts, not_before };
        self.flushed().await?;
        let state =
            persist(|| builds::hand_back(store, &self.lease, terms.clone(), purged, store.now()))
                .await?;
        self.worker.queue.outbox_filled();
        Ok(state)
    }

    async fn flushed(&self) -> Result<(), StoreError> {
        self.log.flush().await.map_err(|_| StoreError::LeaseLost(self.lease.build()))
    }

    /// The purge of a build that was built, as a stage that followers see.
    async fn purge_rest(&self, engine: Engine) -> bool {
        if matches!(self.log.stage(), Stage::Building | Stage::Pushing)
            && self.enter(Stage::Purging, None).await.is_err()
        {
            tracing::warn!("the purge could not be written down");
        }
        self.purge_quietly(engine).await
    }

    /// The purge of an image that the engine itself says is gone, which may have left a name.
    async fn purge_lost(&self) -> bool {
        if !self.purge_quietly(Engine::IsThrough).await {
            return false;
        }
        let attempt = (self.lease.build(), self.lease.attempt());
        let freed =
            in_time("the name of a lost image is not free", free_name(self.engine, attempt));
        freed.await.is_some()
    }

    /// Whether the host has confirmed that nothing of this attempt is left on it.
    async fn purge_quietly(&self, engine: Engine) -> bool {
        if self.spec.source.is_copied() {
            // No host had to do with it.
            return true;
        }
        let attempt = (self.lease.build(), self.lease.attempt());
        let images: Vec<ImageRef> = self.spec.images().cloned().collect();
        let purge = purge(self.worker, self.engine, attempt, &images, Waits::ForItsTurn);
        match in_time("the image could not be purged", purge).await {
            Some(Purged::Removed) => true,
            Some(Purged::Absent) => engine == Engine::IsThrough,
            Some(Purged::NotYet) | None => false,
        }
    }

    /// The failure without secrets.
    fn masked(&self, failure: Failure) -> Failure {
        Failure {
            message: self.mask.apply(failure.message),
            hint: failure.hint.map(|hint| self.mask.apply(hint)),
            ..failure
        }
    }
}

/// What a purge comes to within its time. That it failed changes nothing of how the build ended,
/// and is said to operators alone.
pub(super) async fn in_time<T>(
    trouble: &str,
    purge: impl Future<Output = Result<T, Failure>>,
) -> Option<T> {
    let problem = match timeout(PURGE_LIMIT, purge).await {
        Ok(Ok(done)) => return Some(done),
        Ok(Err(failure)) => failure.to_string(),
        Err(_) => format!("it took more than {} seconds", PURGE_LIMIT.as_secs()),
    };
    tracing::warn!(%problem, "{trouble}; the sweep will see to it");
    None
}
