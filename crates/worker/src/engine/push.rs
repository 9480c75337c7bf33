//! A push, and the digest that it ends in.

use http::Method;
use serde::Deserialize;
use slipway_domain::{Credentials, Failure, ImageRef, Stage};
use tokio::sync::mpsc;

use super::attend::Heard;
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
        let heard = Heard::default();
        let work = self.push_attended(image, login, progress, &heard);
        self.host.attended(&heard, work).await.map_err(|failure| failure.at(Stage::Pushing))
    }

    async fn push_attended(
        &self,
        image: &ImageRef,
        login: Option<&Credentials>,
        progress: mpsc::Sender<Progress>,
        heard: &Heard,
    ) -> Result<Pushed, Failure> {
        let host = &self.host;
        let unsent = |error: WireError| match error {
            WireError::Refused { message: text, .. } => {
                faults::pushing(host, image, &Said { text, code: None })
            }
            other @ (WireError::Unreachable(_)
            | WireError::Tls(_)
            | WireError::Broken(_)
            | WireError::Garbled(_)
            | WireError::Unsendable(_)) => faults::host(host, other).at(Stage::Pushing),
        };
        let head = wire::request(Method::POST, &path(image))
            .header("X-Registry-Auth", logins::registry_auth(image.registry(), login));
        let request = wire::with_body(head, wire::nothing()).map_err(unsent)?;
        let mut lines = Lines::new(host.wire.send(request).await.map_err(unsent)?, heard);
        let mut layers = Layers::default();
        let mut news = Vec::new();
        let mut pushed = None;
        while let Some(mut line) = lines.next().await.map_err(unsent)? {
            if let Some(said) = line.said() {
                return Err(faults::pushing(host, image, &said));
            }
            news.extend(layers.tell(&line).map(|text| Progress::line(None, &text)));
            report(&mut news, &progress).await;
            pushed = result(&mut line).or(pushed);
        }
        pushed.ok_or_else(|| faults::no_digest(image))
    }
}

/// The answer's last word. Engines that keep images in their own store say it twice: as the
/// text `1.2: digest: sha256:… size: 527`, and as `{"aux": {"Tag": …, "Digest": …, "Size": …}}`.
/// Those that keep them in containerd's (the default from 29 on) give the text alone, and have
/// other things in `aux` (daemon/containerd/image_push.go in moby).
fn result(line: &mut Line) -> Option<Pushed> {
    if let Some(aux) = line.aux.take()
        && let Ok(PushResult { digest, size }) = serde_json::from_value(aux)
    {
        return Some(Pushed { digest, manifest_bytes: size });
    }
    let (digest, size) =
        line.status.as_deref()?.split_once(": digest: ")?.1.split_once(" size: ")?;
    let pushed = Pushed { digest: digest.to_owned(), manifest_bytes: size.trim().parse().ok() };
    digest.starts_with("sha256:").then_some(pushed)
}

fn path(image: &ImageRef) -> String {
    // A tag needs no escaping.
    format!("/images/{}/push?tag={}", image.repository(), image.tag())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_in_either_form() {
        let of = |json: &str| result(&mut serde_json::from_str::<Line>(json).unwrap());
        let expected = Some(Pushed { digest: "sha256:7f".to_owned(), manifest_bytes: Some(527) });
        assert_eq!(of(r#"{"status":"1.2: digest: sha256:7f size: 527"}"#), expected);
        assert_eq!(of(r#"{"aux":{"Tag":"1.2","Digest":"sha256:7f","Size":527}}"#), expected);
        assert_eq!(of(r#"{"aux":{"manifestPushedInsteadOfIndex":true}}"#), None);
        assert_eq!(of(r#"{"status":"Pushed","id":"888ef4bed48c"}"#), None);
    }
}
