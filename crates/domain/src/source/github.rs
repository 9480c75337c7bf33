//! Names on GitHub.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// Whose repository: a user or an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GithubOwner(String);

/// A repository's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GithubRepo(String);

impl GithubOwner {
    /// Reads a name: letters, digits, dashes and, of managed users, underscores.
    ///
    /// # Errors
    /// When GitHub has no such names.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let fits = (1..=60).contains(&text.len()) && text.chars().all(good);
        fits.then(|| Self(text.to_owned())).ok_or_else(|| {
            FieldError::new("source.owner", "is no name of a user or an organisation on GitHub")
        })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GithubRepo {
    /// Reads a name; `.git` at its end is dropped.
    ///
    /// # Errors
    /// When GitHub has no such names.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let name = text.strip_suffix(".git").unwrap_or(text);
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let fits = (1..=100).contains(&name.len()) && name.chars().all(good);
        (fits && name != "." && name != "..").then(|| Self(name.to_owned())).ok_or_else(|| {
            FieldError::new("source.repo", "is no name of a repository on GitHub")
                .hint("write owner and repository apart: owner \"octo\", repo \"app\"")
        })
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GithubOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for GithubRepo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        assert_eq!(GithubOwner::parse("octo-cat").unwrap().as_str(), "octo-cat");
        assert_eq!(GithubRepo::parse("app.js.git").unwrap().as_str(), "app.js");
        for bad in ["", "a/b", "..", "a?b", "a#b", "a%2f", &"x".repeat(101)] {
            assert_eq!(GithubRepo::parse(bad).unwrap_err().field, "source.repo");
            assert_eq!(GithubOwner::parse(bad).unwrap_err().field, "source.owner");
        }
    }
}
