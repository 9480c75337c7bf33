//! Digests that senders name.

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// A SHA-256 digest as 64 lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha256(String);

impl Sha256 {
    /// Reads a digest, also with `sha256:` before it and in capitals.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let digits = text.trim();
        let digits = digits.strip_prefix("sha256:").unwrap_or(digits);
        if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(digits.to_ascii_lowercase()));
        }
        Err(FieldError::new("source.sha256", "is no SHA-256 digest of 64 hexadecimal digits")
            .hint("sha256sum FILE prints it"))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_any_spelling() {
        let digits = "0Af9".repeat(16);
        for good in [digits.clone(), format!("sha256:{digits}"), format!(" {digits}\n")] {
            assert_eq!(Sha256::parse(&good).unwrap().as_str(), digits.to_lowercase());
        }
        for bad in [String::new(), digits[1..].to_owned(), format!("md5:{digits}"), "g".repeat(64)]
        {
            Sha256::parse(&bad).unwrap_err();
        }
    }
}
