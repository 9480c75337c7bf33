//! What clients of the service's later form send to build from a repository.

use serde::Deserialize;
use slipway_api_types::{SourceAuth, SourceRequest};
use slipway_domain::{BuildSpecDraft, FieldError, GitUrl, Secret, Secrets};

use super::envelope::{Refusal, renamed};
use super::request::{present, read};
use crate::Api;
use crate::error::Error;
use crate::intake::Order;
use crate::native::source;

const REQUIRED: &str = "image_name and repourl are required";

/// The fields of a request. Null and empty text count as absent; other keys are passed by.
#[derive(Deserialize)]
struct Request {
    image_name: Option<String>,
    tag: Option<String>,
    description: Option<String>,
    repourl: Option<String>,
    repousername: Option<String>,
    repopassword: Option<Secret>,
}

/// Reads and checks a request.
pub(super) fn order(api: &Api, body: &[u8]) -> Result<Order, Refusal> {
    let request: Request = read(api, body)?;
    let required = |value: Option<String>| present(value).ok_or(Refusal::Missing(REQUIRED));
    let name = required(request.image_name)?;
    let url = required(request.repourl)?;
    let tag = present(request.tag).unwrap_or_else(|| "latest".to_owned());

    let auth = login(
        present(request.repousername),
        request.repopassword.filter(|password| !password.expose().is_empty()),
    );
    check_ways_in(&url, &auth).map_err(respelled)?;
    let place = api.templates.place(&name, &tag).map_err(respelled)?;
    let repository = SourceRequest::Git {
        url,
        r#ref: None,
        subdir: None,
        submodules: false,
        known_hosts: None,
        auth: Some(auth),
    };
    let (source, source_secrets) = source::read(repository).map_err(respelled)?;
    let labels = present(request.description).map(|text| ("description".to_owned(), text));
    let draft = BuildSpecDraft {
        labels: labels.into_iter().collect(),
        push: place.push,
        ..BuildSpecDraft::new(place.image, source)
    };
    let secrets = Secrets { source: source_secrets, ..Secrets::default() };
    Order::check(draft, secrets).map_err(respelled)
}

/// A password alone is a token: sites take those under names of their own.
fn login(username: Option<String>, password: Option<Secret>) -> SourceAuth {
    match (username, password) {
        (None, token) => SourceAuth { token, ..SourceAuth::default() },
        (username, password) => SourceAuth { username, password, ..SourceAuth::default() },
    }
}

/// What the native form would say in words that this one does not have.
fn check_ways_in(url: &str, auth: &SourceAuth) -> Result<(), FieldError> {
    let (url, hidden) = GitUrl::parse(url)?;
    if url.is_ssh() {
        return Err(FieldError::new("source.url", "is by ssh, which takes a key, not a password")
            .hint("write the address as https://…"));
    }
    let SourceAuth { username, password, token, .. } = auth;
    if hidden.login.is_some() && (username.is_some() || password.is_some() || token.is_some()) {
        return Err(FieldError::new("source.url", "has a login, and there is another beside it"));
    }
    Ok(())
}

/// An error by the names of these fields.
pub(super) fn respelled(error: impl Into<Error>) -> Refusal {
    const NAMES: [(&str, &str); 7] = [
        ("image.tag", "tag"),
        ("image", "image_name"),
        ("source.url", "repourl"),
        ("source.auth.username", "repousername"),
        ("source.auth.password", "repopassword"),
        ("source.auth.token", "repopassword"),
        ("labels.description", "description"),
    ];
    renamed(error.into(), &NAMES).into()
}
