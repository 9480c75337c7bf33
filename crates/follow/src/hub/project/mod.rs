//! All builds of a project, for many followers: the same as for one build. One reader per project
//! and server looks at the database, what it reads lies on a shelf, and a follower holds the place
//! of the event that it has.
//!
//! What a place is, and why nothing comes before one that was read, is the store's
//! ([`slipway_store::stream`]).

mod batch;
mod follower;
mod reader;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use slipway_domain::Project;
use slipway_store::stream::{self, Place, ProjectEvent};
use slipway_store::{Store, StoreError};

use super::Hub;
use super::shelf::Shelf;
use batch::Batch;
use reader::Reader;

pub use follower::ProjectFollower;

/// Events are read in batches of this many.
const BATCH: u16 = 64;
/// What the events of a batch hold together; the one that goes beyond it is the last.
const BATCH_BYTES: u32 = 256 * 1024;

/// The projects that are followed on one server.
#[derive(Debug, Default)]
pub(super) struct Projects {
    readers: Mutex<HashMap<Project, Weak<Reader>>>,
    shelf: Mutex<Shelf<(Project, Place), Batch>>,
}

impl Projects {
    /// How many are read at the moment.
    pub(super) fn count(&self) -> usize {
        self.readers().values().filter(|reader| reader.strong_count() > 0).count()
    }

    fn readers(&self) -> MutexGuard<'_, HashMap<Project, Weak<Reader>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<(Project, Place), Batch>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// Follows all builds of a project, those included that are submitted later, from the event
    /// after a place; from now on where none is given. A place of another life of the database,
    /// beyond all that there is, is taken for the last there is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn follow_project(
        &self,
        project: &Project,
        from: Option<Place>,
    ) -> Result<ProjectFollower, StoreError> {
        let store = &self.0.store;
        let after = match from {
            Some(place) if !stream::is_beyond(store, place).await? => place,
            Some(_) | None => stream::end(store, project).await?,
        };
        Ok(ProjectFollower::new(self.clone(), project.clone(), after))
    }

    /// The project's reader, a new one if it has none that reads.
    fn join_project(&self, project: &Project) -> Arc<Reader> {
        let mut readers = self.0.projects.readers();
        let there = readers.get(project).and_then(Weak::upgrade);
        if let Some(reader) = there.as_ref().filter(|reader| reader.reads()) {
            return Arc::clone(reader);
        }
        let reader = Reader::start(&self.0, project);
        readers.insert(project.clone(), Arc::downgrade(&reader));
        // Its last owner's drop takes the readers itself, and that may be here.
        drop(readers);
        drop(there);
        reader
    }

    /// The batch after a place, if it is at hand.
    fn project_at_hand(&self, project: &Project, after: Place) -> Option<Arc<Batch>> {
        self.0.projects.shelf().get(&(project.clone(), after))
    }

    /// The batch after a place; none where there is none yet.
    async fn replay_project(
        &self,
        project: &Project,
        after: Place,
    ) -> Result<Option<Arc<Batch>>, StoreError> {
        // Never closed, so there always is one by and by.
        let _permit = self.0.replays.acquire().await.ok();
        // Another one may have wanted the same meanwhile.
        if let Some(batch) = self.project_at_hand(project, after) {
            return Ok(Some(batch));
        }
        let events = batch_after(&self.0.store, project, after).await?;
        let place = (project.clone(), after);
        Ok(Batch::new(after, events).map(|batch| self.0.projects.shelf().put(place, batch)))
    }
}

async fn batch_after(
    store: &Store,
    project: &Project,
    after: Place,
) -> Result<Vec<ProjectEvent>, StoreError> {
    stream::after(store, project, after, BATCH, BATCH_BYTES).await
}
