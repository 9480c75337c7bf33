//! `[blobs]`: where uploads are kept, and for how long.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_domain::Secret;
use slipway_store::blobs::BucketAccess;

use super::{SettingsError, invalid, masked};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Blobs {
    /// `file:///folder` or `s3://bucket/prefix`; a folder in the data directory where none is
    /// given.
    pub(crate) url: Option<String>,
    /// `https://host:port` of the server that has the bucket, where it is not AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// Where the bucket is. AWS asks for the right one; most others do not care.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub(crate) secret_access_key: Option<Secret>,
    /// Whether the endpoint may be `http://`.
    pub(crate) allow_http: bool,
    /// Whether the bucket is in the path of a request; else it is in its host name.
    pub(crate) path_style: bool,
    /// An upload goes when nothing has used it for so long.
    pub(crate) keep_hours: u64,
}

impl Default for Blobs {
    fn default() -> Self {
        Self {
            url: None,
            endpoint: None,
            region: None,
            access_key_id: None,
            secret_access_key: None,
            allow_http: false,
            path_style: true,
            keep_hours: 24,
        }
    }
}

impl Blobs {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let known = |url: &str| url.starts_with("file:///") || url.starts_with("s3://");
        match &self.url {
            Some(url) if !known(url) => {
                Err(invalid("blobs.url", "must be file:///folder or s3://bucket/prefix"))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn url_in(&self, data_dir: &Path) -> String {
        self.url.clone().unwrap_or_else(|| format!("file://{}", data_dir.join("blobs").display()))
    }

    pub(crate) fn is_bucket(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.starts_with("s3://"))
    }

    pub(crate) fn access(&self) -> BucketAccess {
        BucketAccess {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            allow_http: self.allow_http,
            virtual_host: !self.path_style,
        }
    }

    pub(crate) const fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_hours.saturating_mul(3600))
    }
}
