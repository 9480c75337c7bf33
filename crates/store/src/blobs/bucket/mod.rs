//! A bucket that speaks S3.

mod access;
mod unfinished;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key};
use object_store::client::HttpClient;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use url::Url;

use self::access::{credentials, endpoint};
use super::http::Http;
use crate::StoreError;

pub use self::access::BucketAccess;

/// A server that is slow or says 500 is asked again for so long, and no longer.
const RETRIES: RetryConfig = RetryConfig {
    backoff: BackoffConfig {
        init_backoff: Duration::from_millis(200),
        max_backoff: Duration::from_secs(5),
        base: 2.0,
    },
    max_retries: 8,
    retry_timeout: Duration::from_secs(20),
};

/// An open bucket. The library would print its keys: this prints its address.
pub(super) struct Bucket {
    s3: Arc<AmazonS3>,
    http: HttpClient,
    /// Of the bucket itself.
    url: Url,
    region: String,
    prefix: Path,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bucket").field(&self.url.as_str()).finish()
    }
}

impl Bucket {
    /// Opens `s3://bucket/prefix` without a word to its server yet.
    pub(super) fn open(url: &Url, access: &BucketAccess) -> Result<Self, StoreError> {
        let name = url.host_str().filter(|name| !name.is_empty());
        let name =
            name.ok_or_else(|| refuse("url", "names no bucket: write s3://bucket/prefix"))?;
        let prefix = Path::from_url_path(url.path().trim_matches('/'))
            .map_err(|_| refuse("url", "has a prefix that no object can have"))?;
        let http = Http::new()?;
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(name)
            .with_retry(RETRIES)
            // Not every server that speaks S3 knows how to delete many at once.
            .with_disable_bulk_delete(true)
            .with_virtual_hosted_style_request(access.virtual_host)
            .with_http_connector(http.clone());
        let region = access.region.clone().or_else(|| builder.get_config_value(&Key::Region));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        builder = builder.with_region(&region);
        let given = access
            .endpoint
            .clone()
            .or_else(|| builder.get_config_value(&Key::S3Endpoint))
            .or_else(|| builder.get_config_value(&Key::Endpoint));
        let endpoint = endpoint(given.as_deref(), &region, name, access, &builder)?;
        builder = credentials(builder, given.is_some(), access)?;
        let text = endpoint.as_str().trim_end_matches('/');
        builder = builder.with_config(Key::S3Endpoint, text);
        let mut url = endpoint.clone();
        if !access.virtual_host {
            url.set_path(name);
        }
        // Its text names settings and values of the library: none of them is a secret.
        let s3 =
            builder.build().map_err(|error| StoreError::Settings(format!("blobs: {error}")))?;
        Ok(Self { s3: Arc::new(s3), http: HttpClient::new(http), url, region, prefix })
    }

    /// What is below the prefix.
    pub(super) fn store(&self) -> Arc<dyn ObjectStore> {
        let s3: Arc<dyn ObjectStore> = Arc::<AmazonS3>::clone(&self.s3);
        match self.prefix.as_ref() {
            "" => s3,
            prefix => Arc::new(PrefixStore::new(s3, prefix)),
        }
    }
}

/// A setting of `[blobs]` that cannot be used.
fn refuse(key: &str, problem: &str) -> StoreError {
    StoreError::Settings(format!("blobs.{key} {problem}"))
}
