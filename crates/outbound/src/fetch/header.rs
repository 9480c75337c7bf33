//! A header that a request brings along, such as a token of the source.

use http::{HeaderName, HeaderValue};
use slipway_domain::{Secret, frames_a_request};
use thiserror::Error;

/// A header whose value is never shown. It is good: it can be sent as it is.
#[derive(Debug, Clone)]
pub struct SecretHeader {
    name: HeaderName,
    value: HeaderValue,
}

/// Why a header cannot be sent. The value is not quoted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// No name of a header.
    #[error("{0:?} is no name of a header")]
    Name(String),
    /// A name whose value is not for the sender of a request to choose.
    #[error("the header {0} is set by slipway itself")]
    Ours(HeaderName),
    /// A value with a line break or another control character.
    #[error("the value of the header {0} has a character that no header may have")]
    Value(HeaderName),
}

impl SecretHeader {
    /// Checks name and value.
    ///
    /// # Errors
    /// Says which of them is wrong, and how.
    pub fn new(name: &str, value: &Secret) -> Result<Self, HeaderError> {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let name = parsed.map_err(|_| HeaderError::Name(name.to_owned()))?;
        if frames_a_request(name.as_str()) {
            return Err(HeaderError::Ours(name));
        }
        let Ok(mut value) = HeaderValue::from_str(value.expose()) else {
            return Err(HeaderError::Value(name));
        };
        // Its `Debug` then shows the word "Sensitive" in its place.
        value.set_sensitive(true);
        Ok(Self { name, value })
    }

    pub(super) const fn name(&self) -> &HeaderName {
        &self.name
    }

    pub(super) const fn value(&self) -> &HeaderValue {
        &self.value
    }
}
