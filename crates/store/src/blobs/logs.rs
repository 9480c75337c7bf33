//! Logs of builds that are over, in a folder beside the uploads.
//!
//! A log's blob has the name of its build: whoever writes it again writes it in the same place.

use std::ops::Range;

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use slipway_domain::BuildId;

use super::trouble::is_missing;
use super::{BlobWriter, Blobs};
use crate::StoreError;

/// The folder, below the place of the uploads.
pub(super) const FOLDER: &str = "logs";

impl Blobs {
    /// Begins the log of a build, in the place of the one that there may be.
    pub(crate) fn create_log(&self, build: BuildId) -> BlobWriter {
        self.writer(path(build))
    }

    /// A piece of a build's log; less of it where the log ends before the piece does. `None` when
    /// there is no log of it.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub(crate) async fn read_log(
        &self,
        build: BuildId,
        bytes: Range<u64>,
    ) -> Result<Option<Bytes>, StoreError> {
        match self.store.get_range(&path(build), bytes.clone()).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_missing(&error) => Ok(None),
            // Folders and buckets each have words of their own for a range beyond the end.
            Err(error) => match self.store.head(&path(build)).await {
                Ok(found) if found.size < bytes.end => Ok(Some(Bytes::new())),
                Ok(_) | Err(_) => Err(self.trouble().of(error)),
            },
        }
    }

    /// Whether there is a log of a build.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub(crate) async fn has_log(&self, build: BuildId) -> Result<bool, StoreError> {
        match self.store.head(&path(build)).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(self.trouble().of(error)),
        }
    }

    /// Removes a build's log. One that is not there is removed already.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub(crate) async fn delete_log(&self, build: BuildId) -> Result<(), StoreError> {
        self.remove(&path(build)).await
    }
}

/// Says what it is: `zstdcat` makes JSON lines of it.
const ENDING: &str = ".jsonl.zst";

fn path(build: BuildId) -> Path {
    Path::from_iter([FOLDER.to_owned(), format!("{build}{ENDING}")])
}

/// Whether a log of ours may have this name in its folder.
pub(super) fn is_name(name: &str) -> bool {
    name.strip_suffix(ENDING).is_some_and(|build| build.parse::<BuildId>().is_ok())
}
