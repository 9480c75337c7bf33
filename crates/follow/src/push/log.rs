//! The events of one build from a place on, for those who are told its log, and holding on to
//! a follower meanwhile.

use std::time::Duration;

use slipway_domain::{BuildId, FollowerForm};
use slipway_store::StoreError;
use slipway_store::followers::{Next, Taken, Transport};
use tokio::time::{MissedTickBehavior, interval};

use super::courier::Push;
use super::schedule::later_by;
use crate::hub::{Follower, Part};
use crate::tail::batch_after;
use crate::{Format, Renderer};

/// The events of a build after a place, as they come: read once for all who are told them, and for
/// all who follow.
pub(super) struct LogEvents(Option<Follower>);

impl LogEvents {
    /// None are left of a build that was forgotten.
    pub(super) async fn after(push: &Push, build: BuildId, after: i64) -> Result<Self, StoreError> {
        let found = push.hub.find(build).await?;
        Ok(Self(found.map(|build| push.hub.follow(&build, after))))
    }

    /// The next ones; `None` when the build is over and there are no more. May be dropped while
    /// it waits, and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Part>, StoreError> {
        match &mut self.0 {
            Some(follower) => follower.take_next().await,
            None => Ok(None),
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
            let batch = batch_after(&self.store, build, seen).await?;
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
