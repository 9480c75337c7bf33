//! Writing a blob, with memory that does not grow with it.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayloadMut, WriteMultipart};
use tokio::time::timeout;

use super::trouble::Trouble;
use crate::StoreError;

/// For how long a store that may be away is asked to forget what was begun. Whoever waits
/// for the writer waits for this, too.
const ABORT: Duration = Duration::from_secs(3);

/// A blob that is being written. Dropped without [`BlobWriter::finish`], it leaves what
/// was written to [`Blobs::sweep_unfinished`](super::Blobs::sweep_unfinished);
/// [`BlobWriter::abort`] removes it at once.
pub struct BlobWriter {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) path: Path,
    pub(super) trouble: Trouble,
    /// Parts are gathered to this size before they are written.
    pub(super) part_bytes: usize,
    /// Parts that are on their way at once; one more is being filled.
    pub(super) in_flight: usize,
    /// All there is of a blob that is no larger than a part so far.
    pub(super) first: PutPayloadMut,
    pub(super) parts: Option<WriteMultipart>,
}

impl BlobWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the blob store does not answer, refuses or is full.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        for bytes in bytes.chunks(self.part_bytes) {
            self.take(bytes).await.map_err(|error| self.trouble.of(error))?;
        }
        Ok(())
    }

    async fn take(&mut self, bytes: &[u8]) -> object_store::Result<()> {
        if let Some(parts) = &mut self.parts {
            parts.wait_for_capacity(self.in_flight).await?;
            parts.write(bytes);
            return Ok(());
        }
        self.first.extend_from_slice(bytes);
        if self.first.content_length() >= self.part_bytes {
            let begun = self.store.put_multipart(&self.path).await?;
            let mut parts = WriteMultipart::new_with_chunk_size(begun, self.part_bytes);
            for bytes in std::mem::take(&mut self.first).freeze() {
                parts.put(bytes);
            }
            self.parts = Some(parts);
        }
        Ok(())
    }

    /// Makes the blob be there, whole.
    ///
    /// # Errors
    /// When the blob store does not answer, refuses or is full.
    pub async fn finish(self) -> Result<(), StoreError> {
        let Self { store, path, trouble, first, parts, .. } = self;
        let done = match parts {
            Some(parts) => parts.finish().await,
            None => store.put(&path, first.into()).await,
        };
        done.map(drop).map_err(|error| trouble.of(error))
    }

    /// Removes what was written.
    pub async fn abort(self) {
        let Some(parts) = self.parts else { return };
        match timeout(ABORT, parts.abort()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "a blob that was not finished could not be removed");
            }
            Err(_) => tracing::warn!("a blob that was not finished is left to be swept"),
        }
    }
}
