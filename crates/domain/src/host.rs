//! The name of a Docker host, as settings, rows, logs and answers carry it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// A host's name: 1 to 64 of `a-z A-Z 0-9 . _ -`, so that it stands in a path unescaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostName(String);

impl HostName {
    /// Reads a name from settings or a path.
    ///
    /// # Errors
    /// When it is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if text.is_empty() || text.len() > 64 || !text.chars().all(good) {
            return Err(FieldError::new("name", format!("{text:?} is not a host name"))
                .hint("use 1 to 64 of a-z, A-Z, 0-9, dot, underscore and hyphen"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
