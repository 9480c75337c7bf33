//! The tenant that a build belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// A project: 1 to 128 of `a-z A-Z 0-9 . _ / -`, not beginning with a separator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Project(String);

impl Project {
    /// Reads a project's name.
    ///
    /// # Errors
    /// When it is empty, longer than 128, or has another character.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if text.len() > 128 || !begins_well || !text.chars().all(good) {
            return Err(FieldError::new("project", "is not a project name").hint(
                "use 1 to 128 of a-z, A-Z, 0-9, dot, underscore, slash and hyphen, \
                 beginning with a letter or digit",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Project {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
