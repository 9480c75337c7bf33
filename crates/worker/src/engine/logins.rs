//! Registry logins in the forms that engines take.
//!
//! The classic builder and the push take them in headers. BuildKit asks for each registry
//! over the session, see `session.rs`, and ignores the header (moby#48112).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use http::header::HeaderValue;
use serde::Serialize;
use slipway_domain::{Credentials, RegistryHost};

/// Docker Hub's key in a table of logins, from the days of its first API.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// `AuthConfig` of the engine's API.
#[derive(Serialize)]
struct AuthConfig<'a> {
    #[serde(flatten)]
    proof: Proof<'a>,
    serveraddress: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Proof<'a> {
    Token { identitytoken: &'a str },
    Password { username: &'a str, password: &'a str },
}

fn key(registry: &RegistryHost) -> &str {
    if registry.is_docker_hub() { DOCKER_HUB_KEY } else { registry.as_str() }
}

fn auth_config<'a>(registry: &'a RegistryHost, login: &'a Credentials) -> AuthConfig<'a> {
    let secret = login.password.expose();
    let proof = if login.is_identity_token() {
        Proof::Token { identitytoken: secret }
    } else {
        Proof::Password { username: &login.username, password: secret }
    };
    AuthConfig { proof, serveraddress: key(registry) }
}

/// `X-Registry-Auth`: the login for one registry. Engines before 23 refuse a push without the
/// header, so no login is an empty object.
pub(super) fn registry_auth(registry: &RegistryHost, login: Option<&Credentials>) -> HeaderValue {
    match login {
        Some(login) => header(&auth_config(registry, login)),
        None => header(&serde_json::Map::new()),
    }
}

/// `X-Registry-Config`: logins by registry.
pub(super) fn registry_config(logins: &BTreeMap<RegistryHost, Credentials>) -> HeaderValue {
    let table: BTreeMap<&str, AuthConfig<'_>> = logins
        .iter()
        .map(|(registry, login)| (key(registry), auth_config(registry, login)))
        .collect();
    header(&table)
}

/// JSON in base64 of the URL-safe alphabet. Engines take no other, and take a header that
/// they cannot read for an empty one: a password whose base64 has `+` or `/` would be a login
/// that is silently not sent.
fn header(value: &impl Serialize) -> HeaderValue {
    // Maps and structs of strings cannot fail to serialise, and base64 is printable.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let mut header = HeaderValue::from_str(&URL_SAFE.encode(json))
        .unwrap_or_else(|_| HeaderValue::from_static("e30="));
    header.set_sensitive(true);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_login() {
        let login = Credentials { username: "u".into(), password: "~~~???>>>".to_owned().into() };
        let registry = RegistryHost::normalised("docker.io");
        let value = registry_auth(&registry, Some(&login));
        assert!(value.is_sensitive());
        let text = value.to_str().unwrap();
        assert!(text.contains(['-', '_']) && !text.contains(['+', '/']));
        let json: serde_json::Value =
            serde_json::from_slice(&URL_SAFE.decode(text).unwrap()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "username": "u", "password": "~~~???>>>",
                "serveraddress": "https://index.docker.io/v1/",
            })
        );
        assert_eq!(registry_auth(&registry, None), "e30=");
        let token = Credentials::identity_token("t".to_owned().into());
        let value = registry_auth(&RegistryHost::normalised("r.example"), Some(&token));
        let json: serde_json::Value =
            serde_json::from_slice(&URL_SAFE.decode(value.as_bytes()).unwrap()).unwrap();
        assert_eq!(json, serde_json::json!({"identitytoken": "t", "serveraddress": "r.example"}));

        let logins =
            [(RegistryHost::normalised("r.example:5000"), login.clone()), (registry, login)];
        let value = registry_config(&logins.into());
        let json: serde_json::Value =
            serde_json::from_slice(&URL_SAFE.decode(value.as_bytes()).unwrap()).unwrap();
        assert_eq!(json["r.example:5000"]["username"], "u");
        assert_eq!(json["https://index.docker.io/v1/"]["username"], "u");
    }
}
