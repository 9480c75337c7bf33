//! Values that must never be seen.
//!
//! [`Secret`] has no `Display`, no `Serialize`, no `PartialEq`, and a `Debug` that says
//! nothing: printing, logging or comparing one by accident does not compile or shows
//! stars. The only ways to the value are named so that a review finds them.

use std::borrow::Borrow;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

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

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The name that registries' tools give to a password which is an identity token: one that a
/// registry's token server takes in place of name and password. It is what
/// `docker-credential-…` helpers answer with.
const TOKEN_USERNAME: &str = "<token>";

/// A login for a registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user's name. Not secret by itself, but never shown either.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

impl Credentials {
    /// A login by an identity token, without name and password.
    #[must_use]
    pub fn identity_token(token: Secret) -> Self {
        Self { username: TOKEN_USERNAME.to_owned(), password: token }
    }

    /// Whether the password is an identity token.
    #[must_use]
    pub fn is_identity_token(&self) -> bool {
        self.username == TOKEN_USERNAME
    }
}

/// By what a Dockerfile asks for a secret: `RUN --mount=type=secret,id=…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretId(String);

impl SecretId {
    /// Reads an id: 1 to 128 letters, digits, dots, dashes and underscores. What is refused is
    /// not quoted: it may be the secret in the wrong place.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len()) && text.chars().all(Self::may_have);
        fits.then(|| Self(text.to_owned()))
    }

    /// Whether an id may have this character.
    #[must_use]
    pub const fn may_have(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Borrow<str> for SecretId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_as_dockerfiles_have_them() {
        for good in ["npm", "aws.credentials", "A-b_9", "_", &"x".repeat(128)] {
            assert_eq!(SecretId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a,b", "a=b", "a/b", "ä", "a\n", &"x".repeat(129)] {
            assert!(SecretId::parse(bad).is_none(), "{bad:?}");
        }
    }
}
