//! Names of templates.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::FieldError;

const MAX_CHARS: usize = 64;

/// What a template is called, which is also what its folder is called: small letters and
/// digits, with single dots, hyphens and underscores between.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TemplateName(String);

impl TemplateName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is no such name: a path never is one.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if text.len() <= MAX_CHARS && text.split(['.', '-', '_']).all(is_word) {
            return Ok(Self(text.to_owned()));
        }
        Err(FieldError::new(
            "source.name",
            "is no template's name: a-z and 0-9, with single dots, hyphens and underscores between",
        ))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_name() {
        for good in ["nodejs", "python-flask", "go1.22", "a_b"] {
            assert_eq!(TemplateName::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(65);
        for bad in ["", ".", "..", "../etc", "a/b", "a\\b", "a..b", "-a", "a-", "A", "a b", &long] {
            assert_eq!(TemplateName::parse(bad).unwrap_err().field, "source.name", "{bad:?}");
        }
    }
}
