//! The mark that says whose store this is.

use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use uuid::Uuid;

use super::Blobs;
use super::trouble::is_missing;
use crate::StoreError;

/// No upload's name: those are ids.
const NAME: &str = "mark";

/// More than any mark comes to. What is larger is none.
const LARGEST: u64 = 1024;

/// What stands in a store where its mark should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Mark(Uuid),
    /// Something else, which is nobody's that is known here.
    Other,
}

impl Blobs {
    /// The mark that is there.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub(crate) async fn mark(&self) -> Result<Found, StoreError> {
        let wrong = |error| self.trouble().of(error);
        let found = match self.store.get(&Path::from(NAME)).await {
            Ok(found) if found.meta.size > LARGEST => return Ok(Found::Other),
            Ok(found) => found.bytes().await.map_err(wrong)?,
            Err(error) if is_missing(&error) => return Ok(Found::Nothing),
            Err(error) => return Err(wrong(error)),
        };
        let text = std::str::from_utf8(&found).unwrap_or_default().trim();
        Ok(Uuid::parse_str(text).map_or(Found::Other, Found::Mark))
    }

    /// Writes a mark, in the place of what is there.
    ///
    /// # Errors
    /// When the blob store does not answer, refuses or is full.
    pub(crate) async fn write_mark(&self, mark: Uuid) -> Result<(), StoreError> {
        let (path, text) = (Path::from(NAME), PutPayload::from(format!("{mark}\n")));
        self.store.put(&path, text).await.map(drop).map_err(|error| self.trouble().of(error))
    }
}
