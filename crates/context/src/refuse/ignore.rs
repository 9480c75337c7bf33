//! A `.dockerignore` that cannot be read.

use slipway_domain::Reason;

use super::refused;
use crate::ContextError;
use crate::show::{shorter, shown, size};

pub(crate) fn ignore_line(file: &str, number: usize, line: &str) -> ContextError {
    let file = shown(file.as_bytes());
    let message =
        format!("line {number} of {file} is no pattern: {}", shorter(line.as_bytes(), 60));
    refused(
        Reason::DockerfileInvalid,
        message,
        "close each bracket, and put a backslash in front of a character that stands for itself",
    )
}

pub(crate) fn linked_ignore_file(file: &str, target: &[u8]) -> ContextError {
    let (file, target) = (shown(file.as_bytes()), shown(target));
    let message = format!("{file} is a link to {target}, which is not followed");
    refused(Reason::ContextUnsafe, message, "put the file itself there")
}

pub(crate) fn large_ignore_file(file: &str, limit: u64) -> ContextError {
    let message = format!("{} has more than {}", shown(file.as_bytes()), size(limit));
    refused(Reason::ContextTooLarge, message, "say it with fewer patterns, as with ** and !")
}
