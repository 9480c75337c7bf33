//! Digests, by which registries name what they have.

use std::fmt;

use sha2::Digest as _;

/// A digest of one of the algorithms that the image specification registers. It is safe in a
/// path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest(String);

const SHA256: &str = "sha256:";
const SHA512: &str = "sha512:";

impl Digest {
    /// Reads a digest; `None` where it is none, or of another algorithm.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (hex, length) = match text.strip_prefix(SHA256) {
            Some(hex) => (hex, 64),
            None => (text.strip_prefix(SHA512)?, 128),
        };
        let good =
            hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        good.then(|| Self(text.to_owned()))
    }

    /// The SHA-256 of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(hex(SHA256, &sha2::Sha256::digest(bytes)))
    }

    /// Begins to compute what this digest is to be compared with.
    pub(super) fn begin(&self) -> Hashing {
        if self.0.starts_with(SHA512) {
            Hashing::Sha512(sha2::Sha512::new())
        } else {
            Hashing::Sha256(sha2::Sha256::new())
        }
    }

    /// Whether it is the digest of these bytes.
    pub(super) fn is_of(&self, bytes: &[u8]) -> bool {
        let mut hashing = self.begin();
        hashing.update(bytes);
        hashing.end() == *self
    }

    /// With its algorithm, as APIs have it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough of it to find it again: `sha256:888ef4bed48c`.
    pub(super) fn short(&self) -> &str {
        self.0.get(..SHA256.len() + 12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A digest in the making.
pub(super) enum Hashing {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hashing {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    pub(super) fn end(self) -> Digest {
        Digest(match self {
            Self::Sha256(hash) => hex(SHA256, &hash.finalize()),
            Self::Sha512(hash) => hex(SHA512, &hash.finalize()),
        })
    }
}

fn hex(algorithm: &str, digest: &[u8]) -> String {
    digest.iter().fold(algorithm.to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_both_algorithms() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::of(b"").as_str(), empty);
        assert_eq!(Digest::of(b"").short(), "sha256:e3b0c44298fc");
        let long = Digest::parse(&format!("sha512:{}", "0".repeat(128))).unwrap();
        assert!(!long.is_of(b""));
        let mut hashing = long.begin();
        hashing.update(b"");
        let made = hashing.end();
        assert!(made.as_str().starts_with("sha512:cf83e1357eefb8bd") && made.is_of(b""));
    }

    #[test]
    fn nothing_else_is_one() {
        let digits = "a".repeat(64);
        for bad in [
            String::new(),
            digits.clone(),
            format!("sha256:{}", &digits[1..]),
            format!("sha256:{}", digits.to_uppercase()),
            format!("sha512:{digits}"),
            format!("md5:{}", &digits[..32]),
            "sha256:../../../../../../../../../../../../../../../../../../../../../".into(),
        ] {
            assert!(Digest::parse(&bad).is_none(), "{bad}");
        }
    }
}
