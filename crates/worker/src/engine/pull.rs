//! A pull of an image that is to be passed on as it is.

use http::Method;
use slipway_domain::{Credentials, Failure, ImageRef, Platform, Stage};
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::attend::Heard;
use super::layers::Layers;
use super::lines::{Lines, Said};
use super::logins;
use super::progress::{Progress, report};
use super::wire::{self, WireError};
use super::{Engine, faults};

impl Engine {
    /// Pulls an image, so that the host has it under this name. `progress` gets a line when a
    /// layer begins and ends.
    ///
    /// Dropping the future stops the engine.
    ///
    /// # Errors
    /// [`BaseImageNotFound`](slipway_domain::Reason::BaseImageNotFound),
    /// [`BaseImageDenied`](slipway_domain::Reason::BaseImageDenied),
    /// [`RegistryUnreachable`](slipway_domain::Reason::RegistryUnreachable) or
    /// [`RegistryError`](slipway_domain::Reason::RegistryError), and what can be wrong with a
    /// host.
    pub async fn pull(
        &self,
        image: &ImageRef,
        platform: Option<&Platform>,
        login: Option<&Credentials>,
        progress: mpsc::Sender<Progress>,
    ) -> Result<(), Failure> {
        let heard = Heard::default();
        let work = self.pull_attended(image, platform, login, progress, &heard);
        self.host.attended(&heard, work).await.map_err(|failure| failure.at(Stage::Preparing))
    }

    async fn pull_attended(
        &self,
        image: &ImageRef,
        platform: Option<&Platform>,
        login: Option<&Credentials>,
        progress: mpsc::Sender<Progress>,
        heard: &Heard,
    ) -> Result<(), Failure> {
        let host = &self.host;
        let unsent = |error: WireError| match error {
            // 404, and on later releases 403 and 500, come before the stream.
            WireError::Refused { message: text, .. } => {
                faults::pulling(image, &Said { text, code: None })
            }
            other @ (WireError::Unreachable(_)
            | WireError::Tls(_)
            | WireError::Broken(_)
            | WireError::Garbled(_)
            | WireError::Unsendable(_)) => faults::host(host, other),
        };
        let head = wire::request(Method::POST, &path(image, platform))
            .header("X-Registry-Auth", logins::registry_auth(image.registry(), login));
        let request = wire::with_body(head, wire::nothing()).map_err(unsent)?;
        let mut lines = Lines::new(host.wire.send(request).await.map_err(unsent)?, heard);
        let mut layers = Layers::default();
        let mut news = Vec::new();
        while let Some(mut line) = lines.next().await.map_err(unsent)? {
            if let Some(said) = line.said() {
                return Err(faults::pulling(image, &said));
            }
            news.extend(layers.tell(&line).map(|text| Progress::line(None, &text)));
            report(&mut news, &progress).await;
        }
        Ok(())
    }
}

/// Engines take the digest where the tag goes.
fn path(image: &ImageRef, platform: Option<&Platform>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("fromImage", &image.repository());
    query.append_pair("tag", image.digest().unwrap_or_else(|| image.tag()));
    if let Some(platform) = platform {
        query.append_pair("platform", platform.as_str());
    }
    format!("/images/create?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_tag_or_digest() {
        let of = |text: &str| path(&ImageRef::parse(text).unwrap(), None);
        assert_eq!(of("r.example:5/a/b:1"), "/images/create?fromImage=r.example%3A5%2Fa%2Fb&tag=1");
        let digest = format!("sha256:{}", "7".repeat(64));
        let escaped = digest.replace(':', "%3A");
        assert_eq!(
            of(&format!("r.example/a@{digest}")),
            format!("/images/create?fromImage=r.example%2Fa&tag={escaped}")
        );
    }
}
