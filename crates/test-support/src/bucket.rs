//! A bucket behind a server that speaks S3: `s3s` checks signatures and speaks the protocol,
//! `s3s-fs` keeps objects as files. It can be made slow of mind, and its connections broken by
//! a [`Wire`](crate::wire::Wire) before it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteObjectInput, DeleteObjectOutput, GetObjectInput, GetObjectOutput, HeadObjectInput,
    HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input,
    ListObjectsV2Output, MultipartUpload, PutObjectInput, PutObjectOutput, Timestamp,
    UploadPartInput, UploadPartOutput,
};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// How long keys are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server takes.
pub const ACCESS_KEY_ID: &str = "slipway-test";
/// The key to [`ACCESS_KEY_ID`]. Nothing may ever show it.
pub const SECRET_ACCESS_KEY: &str = "hunter2-of-the-bucket";

/// A server with one bucket. Gone, with all that is in it, when dropped.
pub struct Bucket {
    address: SocketAddr,
    folder: TempDir,
    begun: Begun,
    refusals: Arc<AtomicU32>,
    task: AbortHandle,
}

/// What was begun in parts and is not finished: upload id, key, and since when.
type Begun = Arc<Mutex<BTreeMap<String, (String, Timestamp)>>>;

impl Bucket {
    /// The bucket's name.
    pub const NAME: &str = "uploads";

    /// Starts a server on a free port of loopback.
    ///
    /// # Errors
    /// When there is no room for it.
    pub async fn new() -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join(Self::NAME))?;
        let begun = Begun::default();
        let files = FileSystem::new(folder.path())
            .map_err(|error| io::Error::other(format!("{error:?}")))?;
        let root = folder.path().to_owned();
        let mut service = S3ServiceBuilder::new(Files { files, root, begun: Arc::clone(&begun) });
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let refusals = Arc::new(AtomicU32::new(0));
        let task = tokio::spawn(serve(listener, service.build(), Arc::clone(&refusals)));
        Ok(Self { address, folder, begun, refusals, task: task.abort_handle() })
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Answers the next requests with "503 slow down".
    pub fn refuse_next(&self, requests: u32) {
        self.refusals.store(requests, Ordering::SeqCst);
    }

    /// The keys of all objects.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let root = self.folder.path().join(Self::NAME);
        let (mut keys, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                match path.strip_prefix(&root) {
                    Ok(_) if path.is_dir() => folders.push(path),
                    Ok(key) => keys.push(key.to_string_lossy().into_owned()),
                    Err(_) => {}
                }
            }
        }
        keys.sort();
        keys
    }

    /// The keys of all objects, once they are `wanted`, or after a minute. A server writes its mark
    /// when it gets to it.
    pub async fn keys_once(&self, wanted: &[&str]) -> Vec<String> {
        let began = Instant::now();
        while self.keys() != wanted && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.keys()
    }

    /// Keys of what was begun in parts and is not finished.
    #[must_use]
    pub fn begun(&self) -> Vec<String> {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.values().map(|(key, _)| key.clone()).collect()
    }

    /// Removes the bucket with all that is in it, behind everybody's back.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn remove(&self) -> io::Result<()> {
        std::fs::remove_dir_all(self.folder.path().join(Self::NAME))
    }

    /// Removes an object behind everybody's back.
    ///
    /// # Errors
    /// When there is none.
    pub fn lose(&self, key: &str) -> io::Result<()> {
        std::fs::remove_file(self.file(key))
    }

    /// Where the bytes of an object are, or would be.
    #[must_use]
    pub fn file(&self, key: &str) -> PathBuf {
        self.folder.path().join(Self::NAME).join(key)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, service: S3Service, refusals: Arc<AtomicU32>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (service, refusals) = (service.clone(), Arc::clone(&refusals));
        let answer = service_fn(move |request: Request<Incoming>| {
            let (service, refusals) = (service.clone(), Arc::clone(&refusals));
            async move {
                let refuse =
                    refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
                if refuse.is_ok() {
                    let mut slow_down = Response::new(Body::from(
                        "<Error><Code>SlowDown</Code></Error>".to_owned(),
                    ));
                    *slow_down.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    return Ok(slow_down);
                }
                service.call(request.map(Body::from)).await
            }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        connections.spawn(async move {
            // A client that hangs up is no news.
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Objects as files, and the one request beside them that `s3s-fs` does not know: what was
/// begun in parts.
struct Files {
    files: FileSystem,
    root: PathBuf,
    begun: Begun,
}

impl Files {
    fn over(&self, upload_id: &str) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).remove(upload_id);
    }

    /// As S3 has it, where `s3s-fs` takes any bucket for a folder to be made.
    fn is_there(&self, bucket: &str) -> S3Result<()> {
        if self.root.join(bucket).is_dir() { Ok(()) } else { Err(s3_error!(NoSuchBucket)) }
    }
}

#[async_trait::async_trait]
impl S3 for Files {
    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.is_there(&req.input.bucket)?;
        self.files.put_object(req).await
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        self.is_there(&req.input.bucket)?;
        self.files.get_object(req).await
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.is_there(&req.input.bucket)?;
        self.files.head_object(req).await
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.is_there(&req.input.bucket)?;
        self.files.delete_object(req).await
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.is_there(&req.input.bucket)?;
        self.files.list_objects_v2(req).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.is_there(&req.input.bucket)?;
        let key = req.input.key.clone();
        let begun = self.files.create_multipart_upload(req).await?;
        // Beginning leaves a file in the root: that is when it was.
        let now = std::fs::metadata(&self.root).and_then(|root| root.modified());
        let now = now.map_err(|_| s3_error!(InternalError))?;
        if let Some(id) = begun.output.upload_id.clone() {
            let mut all = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(id, (key, now.into()));
        }
        Ok(begun)
    }

    async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        self.files.upload_part(req).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let id = req.input.upload_id.clone();
        let done = self.files.complete_multipart_upload(req).await?;
        self.over(&id);
        Ok(done)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let id = req.input.upload_id.clone();
        let done = self.files.abort_multipart_upload(req).await?;
        self.over(&id);
        Ok(done)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.is_there(&req.input.bucket)?;
        let prefix = req.input.prefix.unwrap_or_default();
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let uploads = begun.iter().filter(|(_, (key, _))| key.starts_with(&prefix));
        let uploads = uploads.map(|(id, (key, since))| MultipartUpload {
            key: Some(key.clone()),
            upload_id: Some(id.clone()),
            initiated: Some(since.clone()),
            ..MultipartUpload::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            uploads: Some(uploads.collect()),
            ..ListMultipartUploadsOutput::default()
        }))
    }
}
