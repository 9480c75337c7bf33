//! A push, and the digest that it ends in.

use http::Method;
use serde::Deserialize;
use slipway_domain::{Credentials, Failure, ImageRef, Stage};
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::layers::Layers;
use super::lines::{Line, Lines, Said};
use super::logins;
use super::progress::{Progress, report};
use super::wire::{self, WireError};
use super::{Engine, faults};

/// What the registry has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Digest of the manifest, `sha256:…`: the image's name in the registry for ever.
    pub digest: String,
    /// Size of the manifest in bytes. This is not the size of the image.
    pub manifest_bytes: Option<u64>,
}

/// `PushResult` of the engine's API.
#[derive(Deserialize)]
struct PushResult {
    #[serde(rename = "Digest")]
    digest: String,
    #[serde(rename = "Size")]
    size: Option<u64>,
}

impl Engine {
    /// Pushes an image that the host has under this name. `progress` gets a line when a layer
    /// begins and ends.
    ///
    /// Dropping the future stops the engine.
    ///
    /// # Errors
    /// [`RegistryDenied`](slipway_domain::Reason::RegistryDenied),
    /// [`RegistryUnreachable`](slipway_domain::Reason::RegistryUnreachable) or
    /// [`RegistryError`](slipway_domain::Reason::RegistryError), the last also when the push
    /// ends without a digest; and what can be wrong with a host.
    pub async fn push(
        &self,
        image: &ImageRef,
        login: Option<&Credentials>,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Pushed, Failure> {
        let host = &self.host;
        let unsent = |error: WireError| match error {
            WireError::Refused { message: text, .. } => {
                faults::pushing(image, &Said { text, code: None })
            }
            other @ (WireError::Unreachable(_)
            | WireError::Broken(_)
            | WireError::Garbled(_)
            | WireError::Unsendable(_)) => faults::host(host, other).at(Stage::Pushing),
        };
        let head = wire::request(Method::POST, &path(image))
            .header("X-Registry-Auth", logins::registry_auth(image.registry(), login));
        let request = wire::with_body(head, wire::nothing()).map_err(unsent)?;
        let mut lines = Lines::new(host.wire.send(request).await.map_err(unsent)?);
        let mut layers = Layers::default();
        let mut news = Vec::new();
        let mut pushed = None;
        while let Some(mut line) = lines.next().await.map_err(unsent)? {
            if let Some(said) = line.said() {
                return Err(faults::pushing(image, &said));
            }
            news.extend(layers.tell(&line).map(|text| Progress::line(None, &text)));
            report(&mut news, &progress).await;
            pushed = result(line).or(pushed);
        }
        pushed.ok_or_else(|| faults::no_digest(image))
    }
}

/// The answer's last word: `{"aux": {"Tag": …, "Digest": …, "Size": …}}`.
fn result(line: Line) -> Option<Pushed> {
    let PushResult { digest, size } = serde_json::from_value(line.aux?).ok()?;
    Some(Pushed { digest, manifest_bytes: size })
}

fn path(image: &ImageRef) -> String {
    let mut query =
        form_urlencoded::Serializer::new(format!("/images/{}/push?", image.repository()));
    query.append_pair("tag", image.tag());
    query.finish()
}
