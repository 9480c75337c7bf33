//! The platform an image is built for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// `os/architecture[/variant]` as the OCI image index writes it, such as `linux/arm64/v8`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Platform(String);

impl Platform {
    /// Reads a platform.
    ///
    /// # Errors
    /// When it is not two or three lower-case words of letters and digits.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let words: Vec<&str> = text.split('/').collect();
        let good = |word: &&str| {
            !word.is_empty()
                && word.len() <= 32
                && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.')
        };
        if !(2..=3).contains(&words.len()) || !words.iter().all(good) {
            return Err(FieldError::new("platform", format!("{text:?} is not a platform"))
                .hint("write os/architecture or os/architecture/variant, such as linux/amd64"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The platform as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Platform {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Platform {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> Self {
        platform.0
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
