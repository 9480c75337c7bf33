//! One follower's place in the stream of a project.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use slipway_domain::Project;
use slipway_store::StoreError;
use slipway_store::stream::{Place, ProjectEvent};
use tokio::sync::watch;

use super::batch::Batch;
use super::reader::Reader;
use crate::hub::Hub;
use crate::hub::follower::PAUSE;

/// One follower's place in the stream of a project: that of the last event that it has. It keeps
/// no events, so it is small, however far behind it is and however long it stays.
#[derive(Debug)]
pub struct ProjectFollower {
    hub: Hub,
    project: Project,
    after: Place,
    /// What it was given last, for as long as that is kept for others.
    given: Weak<Batch>,
    /// Held once it has all that there was.
    live: Option<Live>,
}

#[derive(Debug)]
struct Live {
    /// The last place that was read.
    read: watch::Receiver<Option<Place>>,
    _reader: Arc<Reader>,
}

impl ProjectFollower {
    pub(super) fn new(hub: Hub, project: Project, after: Place) -> Self {
        hub.0.followers.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("slipway_followers").increment(1);
        Self { hub, project, after, given: Weak::new(), live: None }
    }

    /// The place of the last event that it has.
    #[must_use]
    pub fn after(&self) -> Place {
        self.after
    }

    /// The next event, as soon as there is one; it counts as taken then. May be cancelled and
    /// called again: nothing is lost by that.
    ///
    /// # Errors
    /// When the database does not answer; call again to go on.
    pub async fn next(&mut self) -> Result<ProjectEvent, StoreError> {
        loop {
            if let Some(event) = self.at_hand() {
                return Ok(event);
            }
            let read = self.live.as_mut().map(|live| *live.read.borrow_and_update());
            let is_behind = match read {
                None => true,
                Some(last) => last.is_some_and(|last| last > self.after),
            };
            if is_behind {
                // Boxed: a follower that waits is as large as all that it may ever wait for.
                let replayed = Box::pin(self.hub.replay_project(&self.project, self.after));
                let batch = replayed.await?;
                if let Some(event) = batch.and_then(|batch| self.take(&batch)) {
                    return Ok(event);
                }
            }
            if read.is_none() {
                let reader = self.hub.join_project(&self.project);
                self.live = Some(Live { read: reader.read(), _reader: reader });
            } else {
                self.change().await;
            }
        }
    }

    /// Waits until more was read.
    async fn change(&mut self) {
        let Some(live) = &mut self.live else { return };
        if live.read.changed().await.is_err() {
            // The reader gave up. What it came upon is in the way of this follower too, or is
            // gone when it looks itself.
            tokio::time::sleep(PAUSE).await;
            self.live = None;
        }
    }

    fn at_hand(&mut self) -> Option<ProjectEvent> {
        if let Some(event) = self.given.upgrade().and_then(|batch| self.take(&batch)) {
            return Some(event);
        }
        let batch = self.hub.project_at_hand(&self.project, self.after)?;
        self.take(&batch)
    }

    fn take(&mut self, batch: &Arc<Batch>) -> Option<ProjectEvent> {
        let event = batch.next_after(self.after)?.clone();
        self.given = Arc::downgrade(batch);
        self.after = event.place;
        Some(event)
    }
}

impl Drop for ProjectFollower {
    fn drop(&mut self) {
        self.hub.0.followers.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("slipway_followers").decrement(1);
    }
}
