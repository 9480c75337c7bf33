//! Logs of builds that were over long ago, compressed in the blob store.
//!
//! A log is written once and read seldom, and it is most of what the database holds. So the
//! events of a build may go from their rows to a blob: JSON lines in frames of zstd, each of
//! which can be read without the others, and for each frame a row that says which events it has
//! and where it is. Whoever reads events asks [`events`](crate::events) as ever, and is not told
//! where they come from.
//!
//! The log is in both places before it is in one: first the blob, and when that is whole, one
//! transaction that writes the frames and deletes the rows. Whoever is killed before it leaves
//! a blob, and a note of it (`log_blobs`), under which the next one writes it again. The note
//! outlives the build: it goes when the blob is gone.

mod frame;
mod hold;
mod line;
mod read;
mod record;
mod shelf;
mod sweep;
mod there;
mod told;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipway_domain::BuildId;

use crate::blobs::Blobs;
use crate::{Store, StoreError, mark};
use shelf::Shelf;
use told::Told;

pub use hold::{Hold, hold, to_move};
pub use record::{Moved, record};
pub use sweep::sweep;
pub use write::{Written, write};

pub(crate) use read::{Wanted, after};
pub(crate) use there::logs_are_in;

/// Where logs go to, and come from.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    blobs: Blobs,
    shelf: Arc<Mutex<Shelf>>,
    told: Arc<Mutex<Told>>,
}

impl Store {
    /// The same store, with the blob store that logs are moved to. Without one, nothing can be
    /// moved, and a log that was moved is [`StoreError::LogAway`].
    #[must_use]
    pub fn with_archive(mut self, blobs: &Blobs) -> Self {
        self.archive =
            Some(Archive { blobs: blobs.clone(), shelf: Arc::default(), told: Arc::default() });
        self
    }

    fn archive(&self) -> Result<&Archive, StoreError> {
        let missing = || StoreError::Settings("this process has no blob store for logs".into());
        self.archive.as_ref().ok_or_else(missing)
    }
}

impl Archive {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, error: &StoreError) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).tell(error);
    }
}

/// Moves the log of a build that [`to_move`] named. `None` when somebody else does, or it is
/// not to be moved any more. May be killed at any point, and called again.
///
/// # Errors
/// When the database or the blob store does not answer, the blob store is not the one that the
/// database knows, or a row cannot be read. Then the rows are as they were, and the build is not
/// named again before the hold is over.
pub async fn move_one(
    store: &Store,
    build: BuildId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Option<Moved>, StoreError> {
    let blobs = &store.archive()?.blobs;
    mark::settle(store, blobs).await?;
    let Some(hold) = hold(store, build, now).await? else { return Ok(None) };
    // Well within the hold: beyond it, another may write the same blob.
    let writing = tokio::time::timeout(hold::WRITES, write(store, hold));
    let written = writing.await.map_err(|late| StoreError::Unavailable(Box::new(late)))??;
    // A folder may have been unmounted meanwhile: then the blob is in what is below it.
    mark::settle(store, blobs).await?;
    record(store, &written, now).await
}
