//! What `blobs.url` may name.

use std::path::PathBuf;

use url::Url;

use super::bucket::{Bucket, BucketAccess};
use crate::StoreError;

/// What a URL names.
pub(super) enum Named {
    Folder(PathBuf),
    Bucket(Box<Bucket>),
}

impl Named {
    /// # Errors
    /// When it names neither, or something is missing to reach a bucket.
    pub(super) fn parse(url: &str, access: &BucketAccess) -> Result<Self, StoreError> {
        let refuse = |problem: &str| StoreError::Settings(format!("blobs.url {problem}"));
        let parsed = || Url::parse(url).map_err(|_| refuse("is no URL"));
        if url.starts_with("s3://") {
            return Ok(Self::Bucket(Box::new(Bucket::open(&parsed()?, access)?)));
        }
        // `file:folder` would be a folder at the root of the file system.
        if !url.starts_with("file:///") {
            return Err(refuse("must begin with file:/// or s3://"));
        }
        let folder = parsed()?.to_file_path().map_err(|()| refuse("names no absolute folder"))?;
        Ok(Self::Folder(folder))
    }
}
