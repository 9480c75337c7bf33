//! Values that must never be seen.
//!
//! [`Secret`] has no `Display`, no `Serialize`, no `PartialEq`, and a `Debug` that says
//! nothing: printing, logging or comparing one by accident does not compile or shows
//! stars. The only ways to the value are named so that a review finds them.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::RegistryHost;

/// A value that is never printed.
///
/// ```compile_fail
/// # use slipway_domain::Secret;
/// println!("{}", Secret::from("hunter2".to_owned()));
/// ```
/// ```compile_fail
/// # use slipway_domain::Secret;
/// serde_json::to_string(&Secret::from("hunter2".to_owned()));
/// ```
/// ```compile_fail
/// # use slipway_domain::Secret;
/// let _ = Secret::from("a".to_owned()) == Secret::from("a".to_owned());
/// ```
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(SecretString);

impl Secret {
    /// The value itself. Whoever calls this answers for where it goes.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// A login for a registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user's name. Not secret by itself, but never shown either.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// All secrets of one build.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Logins by registry, for base images and for the push.
    pub registry_auth: BTreeMap<RegistryHost, Credentials>,
}

/// The plaintext form, which only exists between here and the seal.
#[derive(Serialize)]
struct PlainCredentials<'a> {
    username: &'a str,
    password: &'a str,
}

impl Secrets {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registry_auth.is_empty()
    }

    /// The values as bytes to be sealed. Never to be stored or logged as they are.
    #[must_use]
    pub fn expose_bytes(&self) -> Vec<u8> {
        let plain: BTreeMap<&str, PlainCredentials<'_>> = self
            .registry_auth
            .iter()
            .map(|(registry, login)| {
                let plain = PlainCredentials {
                    username: &login.username,
                    password: login.password.expose(),
                };
                (registry.as_str(), plain)
            })
            .collect();
        // A map of strings cannot fail to serialise.
        serde_json::to_vec(&plain).unwrap_or_default()
    }

    /// Reads back what [`Secrets::expose_bytes`] wrote, after unsealing.
    ///
    /// # Errors
    /// When the bytes are of another form; the error does not quote them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let plain: BTreeMap<String, Credentials> =
            serde_json::from_slice(bytes).map_err(|_| "unsealed secrets are of another form")?;
        let registry_auth = plain
            .into_iter()
            .map(|(registry, login)| (RegistryHost::normalised(&registry), login))
            .collect();
        Ok(Self { registry_auth })
    }

    /// Every value that must not surface in a log.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        self.registry_auth.values().map(|login| &login.password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_stars_only() {
        let login = Credentials { username: "u".into(), password: "hunter2".to_owned().into() };
        let secrets =
            Secrets { registry_auth: [(RegistryHost::normalised("r.example"), login)].into() };
        let shown = format!("{secrets:?} {secrets:#?}");
        assert!(shown.contains("***"));
        assert!(!shown.contains("hunter2"));
    }

    #[test]
    fn sealed_form_and_back() {
        let login = Credentials { username: "u".into(), password: "p\"w\n".to_owned().into() };
        let secrets =
            Secrets { registry_auth: [(RegistryHost::normalised("r.example"), login)].into() };
        let back = Secrets::from_bytes(&secrets.expose_bytes()).unwrap();
        let login = &back.registry_auth[&RegistryHost::normalised("r.example")];
        assert_eq!((login.username.as_str(), login.password.expose()), ("u", "p\"w\n"));
    }
}
