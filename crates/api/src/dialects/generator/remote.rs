//! `remoteurl`, as engines read the `remote` of a build: a repository or an archive.

use slipway_api_types::SourceRequest;
use slipway_domain::FieldError;

use super::field;

/// What an address means (`urlutil.IsGitURL` and `git.parseRemoteURL` in moby): a repository
/// if it says so at its beginning or ends in `.git`, with `#ref:folder` after it, and else an
/// archive.
///
/// # Errors
/// When it is of a kind that this API has no way into.
pub(super) fn source(name: &str, address: &str) -> Result<SourceRequest, FieldError> {
    let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
    if place.starts_with("git@") || place.starts_with("ssh://") {
        return Err(field(name, "is by ssh, which takes a key")
            .hint("use the https address, or /api/v2, which takes keys"));
    }
    let is_web = place.starts_with("https://") || place.starts_with("http://");
    let on_github = place.starts_with("github.com/");
    let is_repository = on_github || (is_web && place.ends_with(".git"));
    if !is_repository {
        return Ok(archive(address));
    }
    let (reference, folder) = fragment.split_once(':').unwrap_or((fragment, ""));
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(SourceRequest::Git {
        url: if on_github { format!("https://{place}") } else { place.to_owned() },
        r#ref: given(reference),
        subdir: given(folder),
        submodules: true,
        known_hosts: None,
        auth: None,
    })
}

/// An archive, whatever its address looks like.
pub(super) fn archive(address: &str) -> SourceRequest {
    SourceRequest::Archive { url: address.to_owned(), sha256: None, subdir: None, auth: None }
}
