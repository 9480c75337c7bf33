//! Why a push failed.

use slipway_domain::{Failure, ImageRef, Reason, Stage};

use super::network::Trouble;
use super::{DISK_FULL, disk_full, failure, image_lost};
use crate::engine::Host;
use crate::engine::lines::Said;

/// The push failed, and the engine said why.
pub(in crate::engine) fn pushing(host: &Host, image: &ImageRef, said: &Said) -> Failure {
    let (text, registry) = (said.text.as_str(), image.registry().as_str());
    let made = match Trouble::of(text) {
        Some(Trouble::Denied) => failure(
            Reason::RegistryDenied,
            &format!("registry {registry} refused the push of {image}: {text}"),
        )
        .hint(format!(
            "give registry_auth a login for {registry} that may push to {}",
            image.repository()
        )),
        Some(trouble) => {
            let message = format!("the push of {image} failed: {text}");
            failure(trouble.of_push(), &message).hint(trouble.hint(registry))
        }
        // A path: it is the host's disk, not the registry's.
        None if text.contains(DISK_FULL) && text.contains(" /") => disk_full(text),
        // `An image does not exist locally with the tag: r.example/app`, `tag does not exist:
        // r.example/app:1` (25 and later, with containerd's image store)
        None if text.contains("does not exist locally") || text.starts_with("tag does not") => {
            image_lost(host, image)
        }
        None => {
            let message = format!("registry {registry} did not take {image}: {text}");
            failure(Reason::RegistryError, &message).hint(Trouble::ServerError.hint(registry))
        }
    };
    made.at(Stage::Pushing)
}

/// The push ended well, by its own account, and named no digest.
pub(in crate::engine) fn no_digest(image: &ImageRef) -> Failure {
    failure(Reason::RegistryError, &format!("the push of {image} ended without a digest"))
        .hint("the push may be incomplete; the log of the registry may say more")
        .at(Stage::Pushing)
}
