//! How a bucket is reached: where its server is, and by whose keys.

use std::sync::Arc;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey as Key, AwsCredential};
use object_store::{ClientConfigKey, StaticCredentialProvider};
use slipway_domain::Secret;
use url::Url;

use super::refuse;
use crate::StoreError;

/// How a bucket is reached. What is not given is taken from the variables that S3's own
/// tools read (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`,
/// `AWS_ENDPOINT_URL`, …), and at last from the machine's own identity on AWS.
#[derive(Debug, Clone, Default)]
pub struct BucketAccess {
    /// `https://host:port` of the server; AWS where there is none.
    pub endpoint: Option<String>,
    /// Where the bucket is; `us-east-1` where nothing says it.
    pub region: Option<String>,
    /// Together with [`Self::secret_access_key`].
    pub access_key_id: Option<String>,
    /// The key that requests are signed with.
    pub secret_access_key: Option<Secret>,
    /// Whether the endpoint may be `http://`: contexts of builds go in the clear then.
    pub allow_http: bool,
    /// Whether the bucket is in the host name of the endpoint rather than in the path.
    pub virtual_host: bool,
}

/// Where requests go: the server, with the bucket before its name where that is wanted.
pub(super) fn endpoint(
    given: Option<&str>,
    region: &str,
    bucket: &str,
    access: &BucketAccess,
    builder: &AmazonS3Builder,
) -> Result<Url, StoreError> {
    const SHAPE: &str = "must be https://host:port, without a path";
    let text = given.map_or_else(|| format!("https://s3.{region}.amazonaws.com"), str::to_owned);
    let mut url = Url::parse(&text).map_err(|_| refuse("endpoint", SHAPE))?;
    let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    let host = url.host_str().filter(|_| plain).map(str::to_owned);
    let host = host.ok_or_else(|| refuse("endpoint", SHAPE))?;
    let allowed = builder.get_config_value(&Key::Client(ClientConfigKey::AllowHttp));
    match url.scheme() {
        "https" => {}
        "http" if access.allow_http || allowed.as_deref() == Some("true") => {}
        "http" => {
            return Err(refuse(
                "endpoint",
                "is http://, where build contexts go in the clear; if that network is yours \
                 alone, set blobs.allow_http = true",
            ));
        }
        _ => return Err(refuse("endpoint", SHAPE)),
    }
    if access.virtual_host {
        let host = format!("{bucket}.{host}");
        url.set_host(Some(&host))
            .map_err(|_| refuse("endpoint", "cannot have the bucket in it"))?;
    }
    Ok(url)
}

/// With the keys that are given, or those of the environment.
pub(super) fn credentials(
    builder: AmazonS3Builder,
    elsewhere: bool,
    access: &BucketAccess,
) -> Result<AmazonS3Builder, StoreError> {
    match (&access.access_key_id, &access.secret_access_key) {
        (Some(key_id), Some(secret)) => {
            let (key_id, secret_key) = (key_id.clone(), secret.expose().to_owned());
            // Whole: a session token of the environment belongs to other keys.
            let credential = AwsCredential { key_id, secret_key, token: None };
            Ok(builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential))))
        }
        (Some(_), None) => Err(refuse("secret_access_key", "is missing beside access_key_id")),
        (None, Some(_)) => Err(refuse("access_key_id", "is missing beside secret_access_key")),
        (None, None) => {
            let sources = [
                Key::AccessKeyId,
                Key::WebIdentityTokenFile,
                Key::ContainerCredentialsRelativeUri,
                Key::ContainerCredentialsFullUri,
            ];
            let known = sources.iter().any(|key| builder.get_config_value(key).is_some());
            // Machines of AWS have an identity of their own; nobody else's have.
            if elsewhere && !known {
                return Err(refuse(
                    "access_key_id",
                    "is missing: give it and blobs.secret_access_key, or AWS_ACCESS_KEY_ID and \
                     AWS_SECRET_ACCESS_KEY",
                ));
            }
            Ok(builder)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Bucket;
    use super::*;

    #[test]
    fn where_the_bucket_is() {
        let open = |access: &BucketAccess| {
            let keys = BucketAccess {
                access_key_id: Some("id".into()),
                secret_access_key: Some("hunter2".to_owned().into()),
                ..access.clone()
            };
            Bucket::open(&Url::parse("s3://uploads/a/b/").unwrap(), &keys)
        };
        let at = |access: &BucketAccess| open(access).unwrap().url.to_string();
        let own = BucketAccess {
            endpoint: Some("https://s3.example:9000/".into()),
            ..Default::default()
        };
        assert_eq!(at(&own), "https://s3.example:9000/uploads");
        let hosted = BucketAccess { virtual_host: true, ..own.clone() };
        assert_eq!(at(&hosted), "https://uploads.s3.example:9000/");
        let paris = BucketAccess { region: Some("eu-west-3".into()), ..Default::default() };
        assert_eq!(at(&paris), "https://s3.eu-west-3.amazonaws.com/uploads");
        let plain =
            BucketAccess { endpoint: Some("http://s3.example".into()), ..Default::default() };
        assert!(open(&plain).unwrap_err().to_string().contains("allow_http = true"));
        assert_eq!(at(&BucketAccess { allow_http: true, ..plain }), "http://s3.example/uploads");
        for odd in
            ["s3.example", "https://s3.example/path", "ftp://s3.example", "https://u@s3.example"]
        {
            let odd = BucketAccess { endpoint: Some(odd.into()), ..Default::default() };
            assert!(open(&odd).unwrap_err().to_string().contains("blobs.endpoint must be"));
        }
    }
}
