//! Paths within a build context.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::FieldError;

const MAX_CHARS: usize = 1024;

/// Path of the Dockerfile within the context: relative, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DockerfilePath(String);

impl DockerfilePath {
    /// Reads a path; `./` at the front and doubled slashes are dropped.
    ///
    /// # Errors
    /// When it is empty, absolute, too long, leaves the context, or has a control character.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let path = inside("dockerfile", text)?;
        path.map(Self)
            .ok_or_else(|| FieldError::new("dockerfile", "is empty; leave it out for Dockerfile"))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for DockerfilePath {
    fn default() -> Self {
        Self("Dockerfile".to_owned())
    }
}

impl fmt::Display for DockerfilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A folder within a source, which becomes the build context: relative, without `.` and `..`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubDir(String);

impl SubDir {
    /// Reads a path; `None` for the top itself.
    ///
    /// # Errors
    /// When it is absolute, too long, leaves the source, or has a control character.
    pub fn parse(text: &str) -> Result<Option<Self>, FieldError> {
        Ok(inside("source.subdir", text)?.map(Self))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A path of names alone; `None` where it has none.
pub(super) fn inside(field: &str, text: &str) -> Result<Option<String>, FieldError> {
    let refuse = |message: &str| Err(FieldError::new(field, message));
    if text.len() > MAX_CHARS {
        return refuse("is longer than 1024 characters");
    }
    if text.starts_with('/') || text.contains('\\') || text.contains(char::is_control) {
        return refuse("is not a path within the build context, such as docker/Dockerfile");
    }
    let words: Vec<&str> = text.split('/').filter(|word| !matches!(*word, "" | ".")).collect();
    if words.contains(&"..") {
        return refuse("leaves the build context");
    }
    Ok((!words.is_empty()).then(|| words.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside() {
        assert_eq!(DockerfilePath::parse("./a//Dockerfile").unwrap().as_str(), "a/Dockerfile");
        for bad in ["", ".", "/etc/passwd", "../Dockerfile", "a/../../b", "a\\b", "a\0b"] {
            assert!(DockerfilePath::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_top_is_no_folder_below_it() {
        assert_eq!(SubDir::parse("./").unwrap(), None);
        assert_eq!(SubDir::parse("a//b/").unwrap().unwrap().as_str(), "a/b");
        for bad in ["/", "..", "a/../..", "a\nb"] {
            assert!(SubDir::parse(bad).is_err(), "{bad:?}");
        }
    }
}
