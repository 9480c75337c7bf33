//! What is begun in a bucket and not finished. It costs room, and no listing of the bucket shows
//! it.

use chrono::{DateTime, Utc};
use object_store::Error;
use object_store::aws::AwsAuthorizer;
use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::multipart::MultipartStore as _;
use object_store::path::Path;
use serde::Deserialize;
use slipway_domain::UploadId;
use url::Url;

use super::Bucket;
use crate::StoreError;
use crate::blobs::logs;
use crate::blobs::trouble::Trouble;

/// Parts that are begun and not finished, looked at in one round.
const LISTED: &str = "1000";

impl Bucket {
    /// Gives up blobs that were begun before `before` and are not finished: their parts
    /// cost room, and no listing of the bucket shows them. Not every server can list them;
    /// there, it is none.
    pub(in crate::blobs) async fn sweep_unfinished(
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

    /// Others may keep theirs in the bucket: ours are below the prefix, uploads named by their id
    /// and logs by that of their build.
    fn ours(&self, key: &str) -> Option<Path> {
        let path = Path::parse(key).ok()?;
        let mut rest = path.prefix_match(&self.prefix)?;
        let names: Vec<String> = rest.by_ref().map(|name| name.as_ref().to_owned()).collect();
        drop(rest);
        let is_ours = match &names[..] {
            [name] => name.parse::<UploadId>().is_ok(),
            [folder, name] => folder == logs::FOLDER && logs::is_name(name),
            _ => false,
        };
        is_ours.then_some(path)
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

fn generic(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Generic { store: "S3", source: Box::new(error) }
}

#[cfg(test)]
mod tests {
    use slipway_domain::BuildId;

    use super::super::BucketAccess;
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
    fn only_our_own_are_ours() {
        let id = UploadId::generate();
        let log = format!("logs/{}.jsonl.zst", BuildId::generate());
        let access = BucketAccess {
            access_key_id: Some("id".into()),
            secret_access_key: Some("hunter2".to_owned().into()),
            ..Default::default()
        };
        let bucket = Bucket::open(&Url::parse("s3://uploads/a/b").unwrap(), &access).unwrap();
        assert!(bucket.ours(&format!("a/b/{id}")).is_some());
        assert!(bucket.ours(&format!("a/b/{log}")).is_some());
        for other in [
            format!("a/{id}"),
            format!("a/b/c/{id}"),
            "a/b/film.mp4".into(),
            id.to_string(),
            format!("a/{log}"),
            format!("a/b/logs/{id}"),
            format!("a/b/logs/{log}"),
            "a/b/logs/film.jsonl.zst".into(),
        ] {
            assert!(bucket.ours(&other).is_none(), "{other}");
        }
    }
}
