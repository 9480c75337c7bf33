//! The guard of build contexts: what it lets through, what it refuses and in which words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod accident;
mod honest;
mod hostile;
mod large;
mod model;
mod properties;
mod stream;

use std::io::Read;

use slipway_context::{ContextError, ContextLimits, ContextSummary, copy_guarded};
use slipway_domain::{DockerfilePath, Failure, Reason};

/// Guards an archive with the usual limits; the clean tar, or what it was refused for.
fn guard(archive: impl Read) -> Result<Vec<u8>, Failure> {
    guard_for("Dockerfile", archive)
}

fn guard_for(dockerfile: &str, archive: impl Read) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    match run(archive, &ContextLimits::default(), dockerfile, &mut out) {
        Ok(_) => Ok(out),
        Err(ContextError::Refused(failure)) => Err(failure),
        Err(ContextError::ReceiverGone) => panic!("a vector does not hang up"),
    }
}

fn run(
    archive: impl Read,
    limits: &ContextLimits,
    dockerfile: &str,
    out: impl std::io::Write,
) -> Result<ContextSummary, ContextError> {
    copy_guarded(archive, limits, &DockerfilePath::parse(dockerfile).unwrap(), out)
}

/// What an archive is refused for, by one that has no zeros at the end of its files.
fn refusal(archive: impl Read) -> (Reason, String) {
    let mut out = Vec::new();
    match run(archive, &ContextLimits::default(), "Dockerfile", &mut out) {
        Err(ContextError::Refused(failure)) => {
            assert!(!out.ends_with(&[0; 1024]), "an end mark makes half a context whole");
            assert!(failure.hint.is_some(), "no hint: {failure}");
            (failure.reason, failure.message)
        }
        other => panic!("the guard let it through: {other:?}"),
    }
}
