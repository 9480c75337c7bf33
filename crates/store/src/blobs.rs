//! The bytes of uploads, in a store that API and worker share.
//!
//! A blob is written whole or not at all: it gets its name when its last byte is there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt as _, PutPayload};
use slipway_domain::UploadId;
use url::Url;

use crate::StoreError;

/// Parts are gathered to this size before they are written.
const PART_BYTES: usize = 1024 * 1024;

/// A handle on the blob store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
}

/// A blob that is being written. Dropped without [`BlobWriter::finish`], it leaves what
/// was written to [`Blobs::sweep_unfinished`]; [`BlobWriter::abort`] removes it at once.
pub struct BlobWriter {
    upload: Box<dyn object_store::MultipartUpload>,
    part: Vec<u8>,
}

impl Blobs {
    /// Opens the blob store at `url`, which is `file:///folder`.
    ///
    /// # Errors
    /// When the URL is of another kind, or the folder cannot be made.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let refuse = |problem: &str| StoreError::Settings(format!("blobs.url {problem}"));
        // `file:folder` would be a folder at the root of the file system.
        if !url.starts_with("file:///") {
            return Err(refuse("must begin with file:///"));
        }
        let parsed = Url::parse(url).map_err(|_| refuse("is no URL"))?;
        let folder = parsed.to_file_path().map_err(|()| refuse("names no absolute folder"))?;
        Self::in_folder(&folder)
    }

    /// Opens the blob store in a folder, which is made where there is none.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn in_folder(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| {
            StoreError::Settings(format!("blobs.url: {} cannot be made: {error}", folder.display()))
        })?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder: folder.to_owned() })
    }

    /// Begins a blob.
    ///
    /// # Errors
    /// When the blob store does not answer or is full.
    pub async fn create(&self, id: UploadId) -> Result<BlobWriter, StoreError> {
        let upload = self.store.put_multipart(&path(id)).await?;
        Ok(BlobWriter { upload, part: Vec::with_capacity(PART_BYTES) })
    }

    /// Opens a blob for reading on a blocking thread. `None` when there is none.
    ///
    /// # Errors
    /// When the blob store does not answer.
    pub async fn open_blob(&self, id: UploadId) -> Result<Option<std::fs::File>, StoreError> {
        match self.store.get(&path(id)).await {
            Ok(found) => match found.payload {
                GetResultPayload::File(file, _) => Ok(Some(file)),
                GetResultPayload::Stream(_) => {
                    Err(StoreError::Settings("blobs.url must begin with file:///".into()))
                }
            },
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a blob. One that is not there is removed already.
    ///
    /// # Errors
    /// When the blob store does not answer.
    pub async fn delete(&self, id: UploadId) -> Result<(), StoreError> {
        match self.store.delete(&path(id)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The ids of all blobs that were complete before `before`.
    ///
    /// # Errors
    /// When the blob store does not answer.
    pub async fn complete_before(
        &self,
        before: DateTime<Utc>,
    ) -> Result<Vec<UploadId>, StoreError> {
        let blobs: Vec<_> = self.store.list(None).try_collect().await?;
        Ok(blobs
            .into_iter()
            .filter(|blob| blob.last_modified < before)
            .filter_map(|blob| blob.location.filename().and_then(|name| name.parse().ok()))
            .collect())
    }

    /// Removes what writers that are gone left half written before `before`. The library
    /// stages a blob as `name#number` beside its place.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sweep_unfinished(&self, before: DateTime<Utc>) -> std::io::Result<usize> {
        let mut removed = 0;
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let staged = entry.file_name().to_string_lossy().contains('#');
            if !staged {
                continue;
            }
            match remove_if_older(&entry, before) {
                Ok(done) => removed += usize::from(done),
                // Its writer has just finished with it.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Writes a small blob and removes it: whether there is room and permission.
    ///
    /// # Errors
    /// When there is not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let probe = object_store::path::Path::from("ready");
        self.store.put(&probe, PutPayload::from_static(b"ready\n")).await?;
        match self.store.delete(&probe).await {
            // Another process asked at the same time.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl BlobWriter {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When the blob store does not answer or is full.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Gives the blob its name. From here on it is there, whole.
    ///
    /// # Errors
    /// When the blob store does not answer or is full.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        self.flush().await?;
        self.upload.complete().await?;
        Ok(())
    }

    /// Removes what was written.
    pub async fn abort(mut self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(%error, "a blob that was not finished could not be removed");
        }
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        let part = std::mem::replace(&mut self.part, Vec::with_capacity(PART_BYTES));
        self.upload.put_part(PutPayload::from(Bytes::from(part))).await?;
        Ok(())
    }
}

fn remove_if_older(entry: &std::fs::DirEntry, before: DateTime<Utc>) -> std::io::Result<bool> {
    let modified = entry.metadata()?.modified()?;
    if DateTime::<Utc>::from(modified) >= before {
        return Ok(false);
    }
    std::fs::remove_file(entry.path())?;
    Ok(true)
}

fn path(id: UploadId) -> object_store::path::Path {
    object_store::path::Path::from(id.to_string())
}
