//! One reader per build and server, whoever follows.
//!
//! A thousand followers of a build would be a thousand looks at the database for each line
//! that it prints. So the first follower of a build starts a [`reader`], which looks for all
//! of them; the last one that goes ends it. What is read lies on a [`shelf`] of bounded size,
//! where every follower takes it from. A follower itself holds nothing but the number of the
//! event it has: one that is slow finds its next batch gone from the shelf, and has it read
//! from the database again.
//!
//! So there is no seam between what was and what is: each batch is asked for by the number of
//! the event before it, whether it comes from the shelf or from the database.

mod arrivals;
mod batch;
mod follower;
mod project;
mod reader;
mod shelf;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use slipway_domain::BuildId;
use slipway_queue::Queue;
use slipway_store::builds::{self, Build};
use slipway_store::{Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::tail::batch_after;
use arrivals::Arrivals;
use batch::Batch;
use project::Projects;
use reader::Reader;
use shelf::Shelf;

pub use batch::{Part, Shape};
pub use follower::{Follower, Next};
pub use project::ProjectFollower;

/// How many followers may be reading from the database at once. It has other work, too.
const REPLAYS: usize = 4;

/// Where the followers of one server meet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    queue: Queue,
    runtime: Handle,
    arrivals: Arrivals<Build>,
    readers: Mutex<HashMap<BuildId, Weak<Reader>>>,
    shelf: Mutex<Shelf<(BuildId, i64), Batch>>,
    projects: Projects,
    replays: Semaphore,
    followers: AtomicUsize,
}

impl Hub {
    /// A hub whose readers run on `runtime`, which is best the one that the connections of
    /// the store are at home on.
    #[must_use]
    pub fn new(store: &Store, queue: &Queue, runtime: &Handle) -> Self {
        Self(Arc::new(Inner {
            store: store.clone(),
            queue: queue.clone(),
            runtime: runtime.clone(),
            arrivals: Arrivals::default(),
            readers: Mutex::default(),
            shelf: Mutex::default(),
            projects: Projects::default(),
            replays: Semaphore::new(REPLAYS),
            followers: AtomicUsize::new(0),
        }))
    }

    /// The build with this id, for somebody who is to follow it: as it stands after this was asked,
    /// read once for all who ask at the same time.
    ///
    /// # Errors
    /// When the database does not answer, or the row cannot be read.
    pub async fn find(&self, build: BuildId) -> Result<Option<Arc<Build>>, StoreError> {
        let hub = self.clone();
        let read = move || {
            let hub = hub.clone();
            async move { builds::find(&hub.0.store, build).await }
        };
        self.0.arrivals.find(&self.0.runtime, build, read).await
    }

    /// Follows `build` from the event after number `after`, to its end.
    #[must_use]
    pub fn follow(&self, build: &Build, after: i64) -> Follower {
        let until = build.state.is_finished().then_some(build.last_seq);
        Follower::new(self.clone(), build, after, until)
    }

    /// Reads `build` from the event after number `after`, as far as it goes by now.
    #[must_use]
    pub fn read(&self, build: &Build, after: i64) -> Follower {
        Follower::new(self.clone(), build, after, Some(build.last_seq))
    }

    /// How many builds and projects are read at the moment because somebody waits for what they do.
    #[must_use]
    pub fn readers(&self) -> usize {
        let builds = self.0.readers().values().filter(|reader| reader.strong_count() > 0).count();
        builds + self.0.projects.count()
    }

    /// How many follow or read a build or a project at the moment.
    #[must_use]
    pub fn followers(&self) -> usize {
        self.0.followers.load(Ordering::Relaxed)
    }

    /// The build's reader, a new one if it has none that reads.
    fn join(&self, build: BuildId) -> Arc<Reader> {
        let mut readers = self.0.readers();
        let there = readers.get(&build).and_then(Weak::upgrade);
        if let Some(reader) = there.as_ref().filter(|reader| reader.reads()) {
            return Arc::clone(reader);
        }
        let reader = Reader::start(&self.0, build);
        readers.insert(build, Arc::downgrade(&reader));
        // Its last owner's drop takes the readers itself, and that may be here.
        drop(readers);
        drop(there);
        reader
    }

    /// The batch after event `after`, if it is at hand.
    fn at_hand(&self, build: BuildId, after: i64) -> Option<Arc<Batch>> {
        self.0.shelf().get(&(build, after))
    }

    /// The batch after event `after`; none where there is none yet.
    async fn replay(&self, build: BuildId, after: i64) -> Result<Option<Arc<Batch>>, StoreError> {
        // Never closed, so there always is one by and by.
        let _permit = self.0.replays.acquire().await.ok();
        // Another one may have wanted the same meanwhile.
        if let Some(batch) = self.at_hand(build, after) {
            return Ok(Some(batch));
        }
        let events = batch_after(&self.0.store, build, after).await?;
        Ok(Batch::new(events).map(|batch| self.0.shelf().put((build, after), batch)))
    }
}

impl Inner {
    fn readers(&self) -> MutexGuard<'_, HashMap<BuildId, Weak<Reader>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<(BuildId, i64), Batch>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
