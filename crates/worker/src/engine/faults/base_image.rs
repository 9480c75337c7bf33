//! A base image that cannot be had.

use slipway_domain::{Failure, ImageRef, Reason};

use super::failure;
use super::network::Trouble;
use super::step::FailedStep;

const FRONTEND_HINT: &str = "remove the `# syntax=` line to use the docker host's own frontend, \
    or make the image it names reachable from the docker host";

pub(super) fn base_image(text: &str, step: Option<&FailedStep>) -> Option<Failure> {
    let missing = is_missing_image(text);
    let trouble = Trouble::of(text);
    // A denial can say of itself that the image is not found; no other trouble can.
    let (reason, trouble) = match trouble {
        Some(trouble) if trouble == Trouble::Denied || !missing => {
            (trouble.of_pull(), Some(trouble))
        }
        _ if missing => (Reason::BaseImageNotFound, None),
        _ => return None,
    };
    let image = image_in(text).or_else(|| step.and_then(FailedStep::image).map(ToOwned::to_owned));
    let shown = image
        .as_deref()
        .map_or_else(|| "the base image".to_owned(), |image| format!("base image {image}"));
    let registry = image.as_deref().and_then(|image| ImageRef::parse(image).ok());
    let registry =
        registry.map_or_else(|| "its registry".to_owned(), |image| image.registry().to_string());
    let cause = text
        .trim_start_matches("failed to load cache key: ")
        .trim_start_matches("invalid from flag value ");
    if step.is_some_and(FailedStep::is_frontend) {
        let named = image.map(|image| format!(" {image}")).unwrap_or_default();
        let message =
            format!("the frontend image{named}, named in `# syntax=`, cannot be pulled: {cause}");
        return Some(failure(reason, &message).hint(FRONTEND_HINT));
    }
    Some(match trouble {
        None => failure(reason, &format!("{shown} was not found: {cause}"))
            .hint("check its name, its tag and the platform; a private image needs a login in registry_auth"),
        Some(trouble) => failure(reason, &format!("{shown} cannot be pulled: {cause}"))
            .hint(trouble.hint(&registry)),
    })
}

pub(super) fn is_missing_image(text: &str) -> bool {
    // `manifest for 127.0.0.1:5101/base/nope:1 not found: manifest unknown: manifest unknown`,
    // `no matching manifest for linux/arm64 in the manifest list entries`, `image with
    // reference x was found but does not match the specified platform: …` (classic)
    // `127.0.0.1:5101/base/nope:1: not found`, `no match for platform in manifest sha256:…: not
    // found` (BuildKit); `failed to load cache key: 127.0.0.1:5101/base/nope:1: not found`
    // (BuildKit, COPY --from)
    text.contains("manifest unknown")
        || text.contains("name unknown")
        || text.contains("no match for platform in manifest")
        || text.contains("no matching manifest for ")
        || text.contains("does not match the specified platform")
        || text.ends_with(": not found") && !text.contains('"')
}

/// The image that a sentence names.
fn image_in(text: &str) -> Option<String> {
    let name = match text.strip_prefix("manifest for ") {
        Some(rest) => rest.split(' ').next()?,
        None => text.strip_suffix(": not found")?.rsplit(' ').next()?,
    };
    // Builders write names out in full; other words that end a sentence have no slash.
    let named = name.contains('/') && ImageRef::parse(name).is_ok();
    named.then(|| name.to_owned())
}
