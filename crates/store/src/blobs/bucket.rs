//! A bucket that speaks S3: how it is reached, and what is begun in it and not finished.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::aws::{
    AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, AwsAuthorizer, AwsCredential,
};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientConfigKey, Error, ObjectStore, RetryConfig, StaticCredentialProvider,
};
use serde::Deserialize;
use slipway_domain::{Secret, UploadId};
use url::Url;

use super::http::Http;
use super::trouble::Trouble;
use crate::StoreError;

/// Parts that are begun and not finished, looked at in one round.
const LISTED: &str = "1000";

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

    /// Gives up blobs that were begun before `before` and are not finished: their parts
    /// cost room, and no listing of the bucket shows them. Not every server can list them;
    /// there, it is none.
    pub(super) async fn sweep_unfinished(
        &self,
        before: DateTime<Utc>,
    ) -> Result<usize, StoreError> {
        let begun = self.begun().await.map_err(|error| Trouble::Bucket.of(error))?;
        let mut removed = 0;
        for upload in begun.into_iter().filter(|upload| upload.initiated < before) {
            let Some(path) = self.ours(&upload.key) else { continue };
            match self.s3.abort_multipart(&path, &upload.upload_id).await {
                Ok(()) => removed += 1,
                // Its writer, or another sweep, was first.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(Trouble::Bucket.of(error)),
            }
        }
        Ok(removed)
    }

    /// Others may keep theirs in the bucket: ours are below the prefix, named by an id.
    fn ours(&self, key: &str) -> Option<Path> {
        let path = Path::parse(key).ok()?;
        let mut rest = path.prefix_match(&self.prefix)?;
        let name = rest.next()?;
        let is_id = name.as_ref().parse::<UploadId>().is_ok() && rest.next().is_none();
        drop(rest);
        is_id.then_some(path)
    }

    fn listing(&self) -> Url {
        let mut url = self.url.clone();
        let mut query = url.query_pairs_mut();
        query.append_pair("max-uploads", LISTED);
        if !self.prefix.as_ref().is_empty() {
            query.append_pair("prefix", &format!("{}/", self.prefix));
        }
        query.append_pair("uploads", "");
        drop(query);
        url
    }

    /// The oldest of what is begun: ids, and so the keys, are in the order of time. The
    /// library has no word for this request, but signs it.
    async fn begun(&self) -> object_store::Result<Vec<Begun>> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = self.listing().as_str().parse().map_err(generic)?;
        let credential = self.s3.credentials().get_credential().await?;
        AwsAuthorizer::new(&credential, "s3", &self.region).try_authorize(&mut request, None)?;
        let answer = self.http.execute(request).await.map_err(generic)?;
        let status = answer.status();
        if matches!(status.as_u16(), 405 | 501) {
            return Ok(Vec::new());
        }
        let body = answer.into_body().bytes().await.map_err(generic)?;
        let body = String::from_utf8_lossy(&body);
        if status.is_success() {
            let listing: Listing = quick_xml::de::from_str(&body).map_err(generic)?;
            return Ok(listing.uploads);
        }
        let source = format!("{status}: {body}").into();
        Err(match status.as_u16() {
            401 | 403 => Error::PermissionDenied { path: "?uploads".into(), source },
            404 => Error::NotFound { path: "?uploads".into(), source },
            _ => Error::Generic { store: "S3", source },
        })
    }
}

/// The answer to `GET /bucket?uploads`, as far as it matters here.
#[derive(Deserialize)]
struct Listing {
    #[serde(default, rename = "Upload")]
    uploads: Vec<Begun>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    key: String,
    upload_id: String,
    initiated: DateTime<Utc>,
}

/// Where requests go: the server, with the bucket before its name where that is wanted.
fn endpoint(
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

fn credentials(
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

fn refuse(key: &str, problem: &str) -> StoreError {
    StoreError::Settings(format!("blobs.{key} {problem}"))
}

fn generic(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic { store: "S3", source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_is_read() {
        let listing: Listing = quick_xml::de::from_str(
            "<?xml version=\"1.0\"?><ListMultipartUploadsResult><Bucket>b</Bucket>\
             <Upload><Key>p/x</Key><UploadId>1</UploadId><Owner><ID>o</ID></Owner>\
             <Initiated>2026-01-02T03:04:05.000Z</Initiated></Upload>\
             <Upload><Key>p/y</Key><UploadId>2</UploadId>\
             <Initiated>2026-01-02T03:04:06.000Z</Initiated></Upload>\
             </ListMultipartUploadsResult>",
        )
        .unwrap();
        let ids: Vec<_> = listing.uploads.iter().map(|upload| &*upload.upload_id).collect();
        assert_eq!(ids, ["1", "2"]);
        let none: Listing = quick_xml::de::from_str("<ListMultipartUploadsResult/>").unwrap();
        assert!(none.uploads.is_empty());
    }

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

    #[test]
    fn only_our_own_are_ours() {
        let id = UploadId::generate();
        let access = BucketAccess {
            access_key_id: Some("id".into()),
            secret_access_key: Some("hunter2".to_owned().into()),
            ..Default::default()
        };
        let bucket = Bucket::open(&Url::parse("s3://uploads/a/b").unwrap(), &access).unwrap();
        assert!(bucket.ours(&format!("a/b/{id}")).is_some());
        for other in
            [format!("a/{id}"), format!("a/b/c/{id}"), "a/b/film.mp4".into(), id.to_string()]
        {
            assert!(bucket.ours(&other).is_none(), "{other}");
        }
    }
}
