//! The events of one build from a place on, for those who are told its log, and holding on to
//! a follower meanwhile.

use std::time::Duration;

use slipway_domain::{BuildId, Event};
use slipway_queue::{Ear, News, POLL};
use slipway_store::followers::{Next, Taken, Transport};
use slipway_store::{StoreError, events};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::courier::Push;
use super::schedule::later_by;
use crate::{Format, Renderer};
use slipway_domain::FollowerForm;

/// Events that are read at once: half a MiB of text at most, which is what a receiver that
/// does not read costs.
const BATCH: u16 = 8;

/// The events of a build after a place, as they come.
pub(super) struct LogEvents {
    push: Push,
    ear: Ear,
    build: BuildId,
    after: i64,
}

impl LogEvents {
    pub(super) fn after(push: &Push, build: BuildId, after: i64) -> Self {
        Self { push: push.clone(), ear: push.queue.listen(), build, after }
    }

    /// The next ones; `None` when the build is over and there are no more. May be dropped while
    /// it waits, and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Event>>, StoreError> {
        loop {
            let store = &self.push.store;
            let batch = events::after(store, self.build, self.after, BATCH).await?;
            if let Some(last) = batch.last() {
                self.after = last.seq;
                return Ok(Some(batch));
            }
            if events::none_after(store, self.build, self.after).await? {
                return Ok(None);
            }
            // The time-out is the net under news that was lost.
            let _ = timeout(POLL, self.heard()).await;
        }
    }

    async fn heard(&mut self) {
        loop {
            match self.ear.next().await {
                News::Happened(build) if build == self.build => return,
                News::Missed => return,
                News::Happened(_) | News::CancelAsked(_) => {}
            }
        }
    }
}

/// Why work on a follower stopped before its end.
#[derive(Debug)]
pub(super) enum Dropped {
    /// Somebody else has it.
    Lost,
    /// The process is about to stop.
    Stopping,
    /// The database does not answer.
    Store(StoreError),
}

impl From<StoreError> for Dropped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Push {
    /// Tells a follower the log of its build, from where it was left to the end.
    pub(super) async fn tell_log(&self, taken: &Taken) -> Result<(), StoreError> {
        match taken.lane.transport {
            Transport::Http => self.stream(taken).await,
            Transport::Kafka => self.log_to_kafka(taken).await,
        }
    }

    /// Works on a follower and holds on to it, for as long as the work lasts.
    pub(super) async fn holding<T>(
        &self,
        taken: &Taken,
        work: impl Future<Output = T>,
    ) -> Result<T, Dropped> {
        let mut tick = interval(self.settings.lease() / 3);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                () = self.stopping.cancelled() => return Err(Dropped::Stopping),
                _ = tick.tick() => {
                    // A database that is away for a moment is no reason to stop yet.
                    if matches!(self.keep(taken).await, Ok(false)) {
                        return Err(Dropped::Lost);
                    }
                }
            }
        }
    }

    /// A renderer in the state in which it was after event `after`.
    pub(super) async fn renderer(
        &self,
        form: &FollowerForm,
        build: BuildId,
        after: i64,
    ) -> Result<Renderer, StoreError> {
        let mut renderer = Renderer::new(match form {
            FollowerForm::Native | FollowerForm::CommitStatus { .. } => Format::Text,
            FollowerForm::Buildshuttle { .. } | FollowerForm::Callback { .. } => Format::Classic,
        });
        let (mut seen, mut unused) = (0, String::new());
        while seen < after {
            let batch = events::after(&self.store, build, seen, BATCH).await?;
            let Some(last) = batch.last().map(|event| event.seq) else { break };
            for event in batch.iter().filter(|event| event.seq <= after) {
                renderer.render(event, &mut unused);
            }
            unused.clear();
            seen = last;
        }
        Ok(renderer)
    }

    /// How a log goes on that broke off: at once slowly and then ever more so, from the
    /// beginning again where it had got further than before.
    pub(super) fn after_break(
        &self,
        taken: &Taken,
        told_seq: i64,
        asked: Option<Duration>,
        why: String,
    ) -> Next {
        let waits = &self.settings.log_waits;
        let got_on = told_seq > taken.told_seq;
        let attempts = if got_on { 1 } else { taken.attempts + 1 };
        let place = usize::try_from(attempts - 1).unwrap_or(usize::MAX);
        let Some(wait) = waits.get(place) else {
            tracing::warn!(build.id = %taken.build, follower.id = %taken.id, "a follower is given up");
            let how = slipway_store::followers::Ended::GivenUp;
            return Next::End { how, seq: told_seq, why: Some(why) };
        };
        let at = later_by(self.store.now(), asked.unwrap_or_default().max(*wait));
        Next::Retry { seq: told_seq, attempts, at, why }
    }
}
