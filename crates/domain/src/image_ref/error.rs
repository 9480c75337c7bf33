//! What can be wrong with an image's name.

use thiserror::Error;

use super::MAX_NAME;
use super::grammar::MAX_TAG;

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImageRefError {
    /// Nothing there.
    #[error("is empty; write an image such as registry.example/team/app:1.2")]
    Empty,
    /// A URL, not an image.
    #[error("begins with a scheme; an image is named without one, such as registry.example/app:1")]
    Scheme,
    /// Longer than registries take.
    #[error("is {0} characters long without its tag; at most {MAX_NAME} are allowed")]
    TooLong(usize),
    /// The part before the first slash is no host.
    #[error("has {0:?} for a registry, which is no host or host:port")]
    Domain(String),
    /// An image's id, which an engine would take for the image itself.
    #[error("is the id of an image; name where the image is to go, such as registry.example/app:1")]
    Id,
    /// Capitals in the repository.
    #[error("has capitals in {0:?}; repositories are lower-case")]
    Uppercase(String),
    /// A path component outside the grammar.
    #[error(
        "has {0:?} in its path; a component is a-z and 0-9, with single dots, one or two \
         underscores or hyphens between"
    )]
    Component(String),
    /// A tag outside the grammar.
    #[error(
        "has the tag {0:?}; a tag is 1 to {MAX_TAG} of a-z, A-Z, 0-9, underscore, dot and \
         hyphen, and begins with none of the last two"
    )]
    Tag(String),
    /// A digest outside the grammar.
    #[error("has the digest {0:?}; write it as sha256: and 64 hexadecimal digits")]
    Digest(String),
}
