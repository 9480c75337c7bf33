//! Where the build context comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{FieldError, UploadId};

/// The source of a build, as it is stored. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    /// A Dockerfile alone, with an empty context beside it.
    Dockerfile {
        /// Its text.
        content: String,
    },
    /// A context that was uploaded before.
    Upload {
        /// Which.
        id: UploadId,
    },
}

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
        let refuse = |message: &str| Err(FieldError::new("dockerfile", message));
        if text.len() > 1024 {
            return refuse("is longer than 1024 characters");
        }
        if text.starts_with('/') || text.contains('\\') || text.contains(char::is_control) {
            return refuse("is not a path within the build context, such as docker/Dockerfile");
        }
        let words: Vec<&str> = text.split('/').filter(|word| !matches!(*word, "" | ".")).collect();
        if words.is_empty() {
            return refuse("is empty; leave it out for Dockerfile");
        }
        if words.contains(&"..") {
            return refuse("leaves the build context");
        }
        Ok(Self(words.join("/")))
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
}
