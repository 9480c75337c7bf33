//! The parts of a name behind its registry: components of the path, tags, digests.

use super::ImageRefError;

/// Of characters in a tag.
pub(super) const MAX_TAG: usize = 128;

/// Checks what stands between two slashes.
pub(super) fn check_component(component: &str) -> Result<(), ImageRefError> {
    if component.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ImageRefError::Uppercase(component.to_owned()));
    }
    let refuse = || Err(ImageRefError::Component(component.to_owned()));
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let separators: Vec<&str> = component
        .split(|c: char| c.is_ascii() && is_word(c as u8))
        .filter(|s| !s.is_empty())
        .collect();
    let bytes = component.as_bytes();
    let framed =
        bytes.first().is_some_and(|b| is_word(*b)) && bytes.last().is_some_and(|b| is_word(*b));
    let good = |separator: &&str| {
        matches!(*separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-')
    };
    if !framed || !separators.iter().all(good) {
        return refuse();
    }
    Ok(())
}

/// Reads a tag.
pub(super) fn parse_tag(tag: &str) -> Result<String, ImageRefError> {
    let first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let later = |b: u8| first(b) || b == b'.' || b == b'-';
    let bytes = tag.as_bytes();
    if bytes.len() > MAX_TAG
        || !bytes.first().is_some_and(|b| first(*b))
        || !bytes.iter().all(|b| later(*b))
    {
        return Err(ImageRefError::Tag(tag.to_owned()));
    }
    Ok(tag.to_owned())
}

/// Reads a digest.
pub(super) fn parse_digest(digest: &str) -> Result<String, ImageRefError> {
    let good = digest.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    if good { Ok(digest.to_owned()) } else { Err(ImageRefError::Digest(digest.to_owned())) }
}
