//! What single fields of a request may be.

use std::collections::{BTreeMap, BTreeSet};

use crate::{FieldError, ImageRef, ImageRefError};

const MAX_ENTRIES: usize = 500;
pub(super) const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Engines take args and labels in the query of a URL, which their HTTP servers and clients
/// cap at 64 KiB with all its escapes.
pub(super) const MAX_ESCAPED_BYTES: usize = 56 * 1024;
/// The longest time limit that a build may ask for: a day.
pub const MAX_TIMEOUT_SECONDS: u32 = 24 * 60 * 60;
/// The longest wait in line that a build may ask for: a week.
pub const MAX_QUEUE_TIMEOUT_SECONDS: u32 = 7 * 24 * 60 * 60;
/// The highest priority.
pub const MAX_PRIORITY: u8 = 9;
/// More names than one image needs, few enough to push them all.
const MAX_TAGS: usize = 20;
const MAX_KEY_CHARS: usize = 255;

/// Names under which one image is pushed together, in the order of their tags, each once.
pub(super) fn also(image: &ImageRef, tags: &[String]) -> Result<Vec<ImageRef>, FieldError> {
    if tags.len() > MAX_TAGS {
        return Err(FieldError::new("also_tags", format!("has more than {MAX_TAGS} tags")));
    }
    let refuse = |error: ImageRefError| FieldError::new("also_tags", error.to_string());
    let tags: BTreeSet<&String> = tags.iter().filter(|tag| *tag != image.tag()).collect();
    tags.into_iter().map(|tag| image.with_tag(tag).map_err(refuse)).collect()
}

pub(super) fn check_seconds(field: &str, given: Option<u32>, most: u32) -> Result<(), FieldError> {
    match given {
        Some(seconds) if !(1..=most).contains(&seconds) => {
            let message = format!("must be 1 to {most} seconds, not {seconds}");
            Err(FieldError::new(field, message))
        }
        Some(_) | None => Ok(()),
    }
}

pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_KEY_CHARS && !text.contains(char::is_control)
}

pub(super) fn check_pairs(field: &str, pairs: &BTreeMap<String, String>) -> Result<(), FieldError> {
    if pairs.len() > MAX_ENTRIES {
        return Err(FieldError::new(field, format!("has more than {MAX_ENTRIES} entries")));
    }
    for (key, value) in pairs {
        let place = format!("{field}.{key}");
        if key.trim().is_empty() || key.contains(['=', '\0', '\n']) || key.len() > 256 {
            return Err(FieldError::new(
                field,
                "has a name that is empty, longer than 256 characters, or holds =, NUL or a newline",
            ));
        }
        if value.len() > MAX_VALUE_BYTES {
            return Err(FieldError::new(place, "is larger than 64 KiB"));
        }
        if value.contains('\0') {
            return Err(FieldError::new(place, "holds a NUL"));
        }
    }
    Ok(())
}

/// How long the pairs are as JSON in a query: a byte that is no letter or digit is three.
pub(super) fn escaped_bytes(pairs: &BTreeMap<String, String>) -> usize {
    let escaped = |text: &str| {
        text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 }).sum::<usize>()
    };
    // Quotes, colon and comma around each.
    pairs.iter().map(|(key, value)| escaped(key) + escaped(value) + 18).sum()
}

pub(super) fn is_stage_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.len() <= 128 && text.chars().all(good)
}
