//! The bytes of uploads, in a store that API and worker share: a folder or a bucket. Beside
//! them are the logs of builds that were over long ago, where these are moved there.
//!
//! A blob is written whole or not at all: it gets its name when its last byte is there.

mod bucket;
mod folder;
mod http;
mod lately;
mod logs;
mod mark;
mod named;
mod reader;
mod trouble;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use object_store::local::LocalFileSystem;
use object_store::{
    GetOptions, GetRange, GetResultPayload, ObjectStore, ObjectStoreExt as _, PutPayload,
    PutPayloadMut,
};
use slipway_domain::UploadId;

use self::bucket::Bucket;
use self::lately::Lately;
use self::named::Named;
use self::trouble::{Trouble, is_missing};
use crate::StoreError;

pub use self::bucket::BucketAccess;
pub(crate) use self::mark::Found;
pub use self::reader::{Blob, Object};
pub use self::writer::BlobWriter;

/// A part of a blob that goes to a folder, and one that goes to a bucket. A bucket takes no
/// part below 5 MiB but the last, and no more than 10,000 of them.
const FOLDER_PART: usize = 1024 * 1024;
const BUCKET_PART: usize = 8 * 1024 * 1024;

/// A handle on the blob store. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Folder(PathBuf),
    Bucket {
        bucket: Arc<Bucket>,
        /// Whether it could be written to.
        worked: Lately,
        /// Whether it had the mark that the database knows.
        ours: Lately,
    },
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("Blobs");
        match &self.place {
            Place::Folder(folder) => shown.field(folder).finish(),
            Place::Bucket { bucket, .. } => shown.field(bucket).finish(),
        }
    }
}

impl Blobs {
    /// Opens the blob store at `url`: `file:///folder`, or `s3://bucket/prefix`, which is
    /// reached by `access` and need not answer yet.
    ///
    /// # Errors
    /// When the URL is of another kind, something is missing to reach it, or the folder
    /// cannot be made.
    pub fn open(url: &str, access: &BucketAccess) -> Result<Self, StoreError> {
        match Named::parse(url, access)? {
            Named::Folder(folder) => Self::in_folder(&folder),
            Named::Bucket(bucket) => {
                let store = bucket.store();
                let place = Place::Bucket {
                    bucket: Arc::new(*bucket),
                    worked: Lately::default(),
                    ours: Lately::default(),
                };
                Ok(Self { store, place })
            }
        }
    }

    /// Whether there can be a blob store at `url`: nothing is made, and nobody is asked.
    ///
    /// # Errors
    /// As of [`Blobs::open`].
    pub fn check(url: &str, access: &BucketAccess) -> Result<(), StoreError> {
        match Named::parse(url, access)? {
            Named::Folder(folder) if folder.exists() && !folder.is_dir() => {
                Err(StoreError::Settings(format!("blobs.url: {} is no folder", folder.display())))
            }
            Named::Folder(_) | Named::Bucket(_) => Ok(()),
        }
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
        Ok(Self { store: Arc::new(store), place: Place::Folder(folder.to_owned()) })
    }

    /// Begins a blob.
    #[must_use]
    pub fn create(&self, id: UploadId) -> BlobWriter {
        self.writer(path(id))
    }

    fn writer(&self, path: object_store::path::Path) -> BlobWriter {
        // A disk takes one part after the other; what is still being written when the disk is
        // full would keep its room after the blob was given up.
        let (part_bytes, in_flight) = match self.place {
            Place::Folder(_) => (FOLDER_PART, 1),
            Place::Bucket { .. } => (BUCKET_PART, 2),
        };
        BlobWriter {
            store: Arc::clone(&self.store),
            path,
            trouble: self.trouble(),
            part_bytes,
            in_flight,
            first: PutPayloadMut::new(),
            parts: None,
        }
    }

    /// Opens a blob for reading on a blocking thread. `None` when there is none. Call it
    /// inside of a runtime.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub async fn open_blob(&self, id: UploadId) -> Result<Option<Blob>, StoreError> {
        let path = path(id);
        // A file is opened here and now. A bucket is asked for the bytes as they are read, and
        // now for one of them: to a HEAD it could not say what is missing, it or the blob.
        let options = match self.place {
            Place::Folder(_) => GetOptions::default(),
            Place::Bucket { .. } => {
                GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() }
            }
        };
        match self.store.get_opts(&path, options).await {
            Ok(found) => Ok(Some(match found.payload {
                GetResultPayload::File(file, _) => Blob::File(file),
                GetResultPayload::Stream(_) => {
                    let (store, meta) = (Arc::clone(&self.store), found.meta);
                    Blob::Object(Object::new(store, path, meta.size, meta.e_tag))
                }
            })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.trouble().of(error)),
        }
    }

    /// Whether a blob is there, with so many bytes.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub async fn has(&self, id: UploadId, bytes: u64) -> Result<bool, StoreError> {
        match self.store.head(&path(id)).await {
            Ok(found) => Ok(found.size == bytes),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(self.trouble().of(error)),
        }
    }

    /// Removes a blob. One that is not there is removed already.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub async fn delete(&self, id: UploadId) -> Result<(), StoreError> {
        self.remove(&path(id)).await
    }

    async fn remove(&self, path: &object_store::path::Path) -> Result<(), StoreError> {
        match self.store.delete(path).await {
            Ok(()) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(self.trouble().of(error)),
        }
    }

    /// The ids of all blobs that were complete before `before`.
    ///
    /// # Errors
    /// When the blob store does not answer or refuses.
    pub async fn complete_before(
        &self,
        before: DateTime<Utc>,
    ) -> Result<Vec<UploadId>, StoreError> {
        // Not what is in folders, which are of logs, or of somebody else's: there may be very
        // many of those.
        let listed = self.store.list_with_delimiter(None).await;
        let listed = listed.map_err(|error| self.trouble().of(error))?;
        let old = listed.objects.into_iter().filter(|blob| blob.last_modified < before);
        Ok(old.filter_map(|blob| blob.location.as_ref().parse().ok()).collect())
    }

    /// Removes what writers that are gone left half written before `before`.
    ///
    /// # Errors
    /// When the folder cannot be read, or the bucket does not answer or refuses.
    pub async fn sweep_unfinished(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        match &self.place {
            Place::Folder(folder) => {
                let folders = [folder.clone(), folder.join(logs::FOLDER)];
                // Of logs there may be very many.
                let sweeping = tokio::task::spawn_blocking(move || {
                    folders.iter().map(|folder| folder::sweep_unfinished(folder, before)).sum()
                });
                let swept = sweeping.await.map_err(std::io::Error::other).flatten();
                swept.map_err(|error| StoreError::Unavailable(Box::new(error)))
            }
            Place::Bucket { bucket, .. } => bucket.sweep_unfinished(before).await,
        }
    }

    /// Writes a small blob and removes it: whether there is room and permission.
    ///
    /// # Errors
    /// When there is not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        if self.has_just_worked() {
            return Ok(());
        }
        let probe = object_store::path::Path::from("ready");
        let wrong = |error| self.trouble().of(error);
        self.store.put(&probe, PutPayload::from_static(b"ready\n")).await.map_err(wrong)?;
        match self.store.delete(&probe).await {
            Ok(()) => {}
            // Another process asked at the same time.
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(wrong(error)),
        }
        if let Place::Bucket { worked, .. } = &self.place {
            worked.note();
        }
        Ok(())
    }

    fn has_just_worked(&self) -> bool {
        matches!(&self.place, Place::Bucket { worked, .. } if worked.holds())
    }

    /// Whether a bucket had our mark a moment ago. A folder is looked at each time.
    pub(crate) fn was_ours_just_now(&self) -> bool {
        matches!(&self.place, Place::Bucket { ours, .. } if ours.holds())
    }

    pub(crate) fn note_ours(&self) {
        if let Place::Bucket { ours, .. } = &self.place {
            ours.note();
        }
    }

    const fn trouble(&self) -> Trouble {
        match self.place {
            Place::Folder(_) => Trouble::Folder,
            Place::Bucket { .. } => Trouble::Bucket,
        }
    }
}

fn path(id: UploadId) -> object_store::path::Path {
    object_store::path::Path::from(id.to_string())
}
