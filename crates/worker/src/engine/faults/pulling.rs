//! Why a pull failed.

use slipway_domain::{Failure, ImageRef, Reason};

use super::base_image::is_missing_image;
use super::network::Trouble;
use super::{DISK_FULL, disk_full, failure};
use crate::engine::lines::Said;

/// The pull failed, and the engine said why.
pub(in crate::engine) fn pulling(image: &ImageRef, said: &Said) -> Failure {
    let (text, registry) = (said.text.as_str(), image.registry().as_str());
    let missing = is_missing_image(text) || text.contains("repository does not exist");
    match Trouble::of(text) {
        // `pull access denied for x, repository does not exist or may require 'docker login'`
        Some(Trouble::Denied) => failure(
            Reason::BaseImageDenied,
            &format!("registry {registry} refused the pull of {image}: {text}"),
        )
        .hint(format!(
            "check the image's name, and give registry_auth a login for {registry} that may pull it"
        )),
        Some(trouble) if !missing => {
            let message = format!("the pull of {image} failed: {text}");
            failure(trouble.of_pull(), &message).hint(trouble.hint(registry))
        }
        _ if missing => {
            failure(Reason::BaseImageNotFound, &format!("{image} was not found: {text}")).hint(
                "check its name, its tag and the platform; a private image needs a login in \
                 registry_auth",
            )
        }
        _ if text.contains(DISK_FULL) => disk_full(text),
        _ => failure(Reason::RegistryError, &format!("the pull of {image} failed: {text}"))
            .hint(Trouble::ServerError.hint(registry)),
    }
}
