//! `[blobs]`: where uploads are kept, and for how long.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_domain::Secret;
use slipway_store::blobs::BucketAccess;

use super::{SettingsError, invalid, kept, masked};

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
        kept("blobs.keep_hours", self.keep_hours, 1)?;
        let known = |url: &str| url.starts_with("file:///") || url.starts_with("s3://");
        match &self.url {
            Some(url) if !known(url) => {
                return Err(invalid("blobs.url", "must be file:///folder or s3://bucket/prefix"));
            }
            Some(_) | None => {}
        }
        // It would be used by nobody, and shown.
        let named = [("blobs.url", &self.url), ("blobs.endpoint", &self.endpoint)];
        for (name, url) in named {
            if url.as_deref().is_some_and(has_login) {
                return Err(invalid(
                    name,
                    "has a login in it; blobs.access_key_id and blobs.secret_access_key are for that",
                ));
            }
        }
        Ok(())
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

fn has_login(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, rest)| rest);
    !url.starts_with("file:") && place.split('/').next().is_some_and(|host| host.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;

    #[test]
    fn a_login_in_an_address_is_refused_unseen() {
        for settings in [
            "[blobs]\nurl = \"s3://AKID:hunter2@bucket/prefix\"",
            "[blobs]\nurl = \"s3://b/p\"\nendpoint = \"https://AKID:hunter2@s3.example:9000\"",
        ] {
            let refused = read(settings).unwrap_err().to_string();
            assert!(refused.contains("has a login in it"), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        read("[blobs]\nurl = \"s3://bucket/a@b\"\nendpoint = \"https://s3.example:9000\"").unwrap();
        read("[blobs]\nurl = \"file:///srv/a@b\"").unwrap();
    }
}
