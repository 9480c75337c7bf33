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
        let path = inside(text).map_err(|astray| {
            let message = astray.within("the build context", "docker/Dockerfile");
            FieldError::new("dockerfile", message)
        })?;
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
        let path = inside(text).map_err(|astray| {
            FieldError::new("source.subdir", astray.within("the source", "services/api"))
        })?;
        Ok(path.map(Self))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no path of names alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Astray {
    TooLong,
    NoPath,
    Leaves,
}

impl Astray {
    /// The words for a path that should be within `tree`, as `example` is.
    pub(super) fn within(self, tree: &str, example: &str) -> String {
        match self {
            Self::TooLong => format!("is longer than {MAX_CHARS} characters"),
            Self::NoPath => format!("is not a path within {tree}, such as {example}"),
            Self::Leaves => format!("leaves {tree}"),
        }
    }
}

/// A path of names alone; `None` where it has none.
pub(super) fn inside(text: &str) -> Result<Option<String>, Astray> {
    if text.len() > MAX_CHARS {
        return Err(Astray::TooLong);
    }
    if text.starts_with('/') || text.contains('\\') || text.contains(char::is_control) {
        return Err(Astray::NoPath);
    }
    let words: Vec<&str> = text.split('/').filter(|word| !matches!(*word, "" | ".")).collect();
    if words.contains(&"..") {
        return Err(Astray::Leaves);
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
            let error = SubDir::parse(bad).unwrap_err();
            assert!(error.message.contains(" the source"), "{error:?}");
        }
    }
}
