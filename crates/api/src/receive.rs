//! An archive on its way from a client into the blob store, with flat memory.
//!
//! A blob without a row is nobody's: until [`Received::keep`] has written the row, every
//! way out of here, a client that hangs up included, takes the bytes away again.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use slipway_domain::{Project, UploadId};
use slipway_store::blobs::{BlobWriter, Blobs};
use slipway_store::{Store, mark, uploads};
use tokio::time::Instant;

use crate::error::Error;
use crate::{Api, archive};

/// An archive that has arrived whole. Dropped unkept, its bytes are removed.
#[derive(Debug)]
pub(crate) struct Received {
    id: UploadId,
    size_bytes: u64,
    sha256: String,
    /// Where the bytes are to be removed from, as long as they are nobody's.
    unkept: Option<Blobs>,
    /// Where a row of them may be from now on.
    written: Option<Store>,
}

/// An archive that is arriving.
pub(crate) struct Receiving {
    store: Store,
    blobs: Blobs,
    id: UploadId,
    limit: u64,
    size_bytes: u64,
    digest: Sha256,
    /// The beginning, until there is enough of it to tell what it is.
    head: Vec<u8>,
    writer: Option<BlobWriter>,
}

/// Receives an archive from a stream.
pub(crate) async fn receive<S, E>(api: &Api, limit: u64, stream: S) -> Result<Received, Error>
where
    S: Stream<Item = Result<Bytes, E>>,
    Error: From<E>,
{
    let mut receiving = Receiving::new(api, limit);
    let mut stream = std::pin::pin!(stream);
    loop {
        let taken = match stream.try_next().await {
            Ok(Some(chunk)) => receiving.take(&chunk).await,
            Ok(None) => return receiving.finish().await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = taken {
            receiving.abandon().await;
            return Err(error);
        }
    }
}

impl Receiving {
    pub(crate) fn new(api: &Api, limit: u64) -> Self {
        Self {
            store: api.store.clone(),
            blobs: api.blobs.clone(),
            id: UploadId::generate(),
            limit,
            size_bytes: 0,
            digest: Sha256::new(),
            head: Vec::with_capacity(archive::HEAD_BYTES),
            writer: None,
        }
    }

    /// Takes the next bytes.
    pub(crate) async fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.size_bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.size_bytes > self.limit {
            return Err(Error::TooLarge { what: "upload", limit: self.limit });
        }
        self.digest.update(bytes);
        match &mut self.writer {
            Some(writer) => writer.write(bytes).await?,
            None => {
                self.head.extend_from_slice(bytes);
                if self.head.len() >= archive::HEAD_BYTES {
                    self.begin().await?;
                }
            }
        }
        Ok(())
    }

    /// Nothing more comes, and it was all.
    pub(crate) async fn finish(mut self) -> Result<Received, Error> {
        if self.writer.is_none()
            && let Err(error) = self.begin().await
        {
            self.abandon().await;
            return Err(error);
        }
        if let Some(writer) = self.writer.take() {
            writer.finish().await?;
        }
        let digest = std::mem::take(&mut self.digest).finalize();
        Ok(Received {
            id: self.id,
            size_bytes: self.size_bytes,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            unkept: Some(self.blobs.clone()),
            written: None,
        })
    }

    /// Nothing more comes, and it was not all.
    pub(crate) async fn abandon(mut self) {
        if let Some(writer) = self.writer.take() {
            writer.abort().await;
        }
    }

    async fn begin(&mut self) -> Result<(), Error> {
        archive::check(&self.head)?;
        // What is put into another store than the workers' is lost.
        mark::look(&self.store, &self.blobs).await?;
        let writer = self.writer.insert(self.blobs.create(self.id));
        writer.write(&std::mem::take(&mut self.head)).await?;
        Ok(())
    }
}

/// A handler is dropped in the middle of a body when its server is told to stop at once.
impl Drop for Receiving {
    fn drop(&mut self) {
        if let (Some(writer), Ok(runtime)) =
            (self.writer.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(writer.abort());
        }
    }
}

impl Received {
    pub(crate) const fn id(&self) -> UploadId {
        self.id
    }

    /// Writes the row that makes it an upload. Bytes that were uploaded before are not kept
    /// again.
    pub(crate) async fn keep(
        mut self,
        store: &Store,
        project: Project,
    ) -> Result<uploads::Upload, Error> {
        let upload = uploads::Upload {
            id: self.id,
            project,
            size_bytes: self.size_bytes,
            sha256: self.sha256.clone(),
            created_at: store.now(),
        };
        self.written = Some(store.clone());
        let older = uploads::insert(store, &upload).await?;
        if let (Some(older), Some(blobs)) = (older, &self.unkept) {
            if blobs.has(older, upload.size_bytes).await? {
                return Ok(upload);
            }
            // Somebody has cleared out the blob store: what was sent now is all there is.
            tracing::warn!(upload.id = %older, "the blob of an upload is lost");
            uploads::keep_own_blob(store, upload.id).await?;
        }
        self.unkept = None;
        Ok(upload)
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if let (Some(blobs), Ok(runtime)) =
            (self.unkept.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(remove(self.id, blobs, self.written.take()));
        }
    }
}

/// For so long somebody who knows of an unwanted blob tries to remove it.
const REMOVED_WITHIN: Duration = Duration::from_secs(60);

/// Removes bytes that are not needed. Where the writing of their row was broken off, the row
/// may be there all the same, and then others may count on them. The database that broke it off
/// may be away for a moment. What stays here for doubt is found by retention when it is old.
async fn remove(id: UploadId, blobs: Blobs, written: Option<Store>) {
    let removed = async || match &written {
        Some(store) if uploads::owns_blob(store, id).await? => Ok(()),
        Some(_) | None => blobs.delete(id).await,
    };
    let began = Instant::now();
    loop {
        match removed().await {
            Ok(()) => return,
            Err(error) if error.is_passing() && began.elapsed() < REMOVED_WITHIN => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => {
                tracing::warn!(upload.id = %id, %error, "an unwanted blob was not removed");
                return;
            }
        }
    }
}
