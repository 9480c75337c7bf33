//! What the target of a copy is asked for.

use http::{Method, StatusCode, header};
use slipway_domain::{Failure, ImageRef};
use slipway_outbound::{Outgoing, Reply, show_url};
use url::Url;

use super::digest::Digest;
use super::manifest::Manifest;
use super::repository::{Payload, Repository};

/// Bytes of an answer that has nothing to say.
const MAX_ANSWER: u64 = 1024 * 1024;

/// How a blob is to get to the target.
pub(super) enum Way {
    /// It is there: another repository of the registry had it.
    Mounted,
    /// Its bytes go to this address.
    To(Url),
}

impl Repository<'_> {
    /// Whether the repository has a blob.
    pub(super) async fn has(&self, digest: &Digest) -> Result<bool, Failure> {
        let url = self.at(&["blobs", digest.as_str()])?;
        let reply = self.ask(Method::HEAD, url, &[], Payload::Nothing, MAX_ANSWER).await?;
        match reply.status {
            status if status.is_success() => Ok(true),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
                Err(self.refused(reply).await)
            }
            status if status.is_server_error() => Err(self.refused(reply).await),
            _ => Ok(false),
        }
    }

    /// Begins to bring a blob, from another repository of the same registry if there is one.
    pub(super) async fn begin(
        &self,
        digest: &Digest,
        from: Option<&ImageRef>,
    ) -> Result<Way, Failure> {
        if let Some(from) = from {
            let mut url = self.at(&["blobs", "uploads", ""])?;
            url.query_pairs_mut()
                .append_pair("mount", digest.as_str())
                .append_pair("from", from.path());
            let reply = self.post(url).await?;
            match reply.status {
                StatusCode::CREATED => return Ok(Way::Mounted),
                StatusCode::ACCEPTED => return self.way(&reply, digest).map(Way::To),
                // Not every login that may push here may pull there, and not every registry mounts.
                _ => {}
            }
        }
        let reply = self.post(self.at(&["blobs", "uploads", ""])?).await?;
        if reply.status != StatusCode::ACCEPTED {
            return Err(self.refused(reply).await);
        }
        self.way(&reply, digest).map(Way::To)
    }

    async fn post(&self, url: Url) -> Result<Reply, Failure> {
        self.ask(Method::POST, url, &[], Payload::Nothing, MAX_ANSWER).await
    }

    /// Where an upload goes: it may be another server.
    fn way(&self, reply: &Reply, digest: &Digest) -> Result<Url, Failure> {
        let location = reply.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let mut url = location
            .and_then(|text| reply.url.join(text).ok())
            .ok_or_else(|| self.names.bad_upload("takes uploads, and does not say where"))?;
        if !self.names.may_be_shown_to(&url) {
            let problem = format!("sends uploads to {}, which is not encrypted", show_url(&url));
            return Err(self.names.bad_upload(&problem));
        }
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        Ok(url)
    }

    /// Brings the bytes of a blob to where [`Way::To`] says.
    pub(super) async fn bring(&self, to: Url, bytes: Outgoing) -> Result<(), Failure> {
        let reply = self.ask(Method::PUT, to, &[], Payload::Blob(bytes), MAX_ANSWER).await?;
        if reply.status.is_success() { Ok(()) } else { Err(self.refused(reply).await) }
    }

    /// Puts a manifest under its digest.
    pub(super) async fn put(&self, manifest: &Manifest) -> Result<(), Failure> {
        self.put_as(manifest.digest.as_str(), manifest).await
    }

    /// Puts a manifest under the image's tag.
    pub(super) async fn tag(&self, manifest: &Manifest) -> Result<(), Failure> {
        self.put_as(self.names.image.tag(), manifest).await
    }

    async fn put_as(&self, reference: &str, manifest: &Manifest) -> Result<(), Failure> {
        let Manifest { digest, media_type, bytes, .. } = manifest;
        let payload = Payload::Bytes { media_type: media_type.clone(), bytes: bytes.clone() };
        let url = self.at(&["manifests", reference])?;
        let reply = self.ask(Method::PUT, url, &[], payload, MAX_ANSWER).await?;
        if !reply.status.is_success() {
            return Err(self.refused(reply).await);
        }
        // A registry that rewrites manifests has another image now.
        let named =
            reply.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        match named.and_then(Digest::parse) {
            Some(other) if other != *digest => {
                Err(self.names.bad_upload(&format!("took {digest} and has it as {other}")))
            }
            Some(_) | None => Ok(()),
        }
    }
}
