//! The guard of build contexts: what it lets through, what it refuses and in which words.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod accident;
mod corpus;
mod early;
mod harmless;
mod honest;
mod hostile;
mod large;
mod made;
mod model;
mod packings;
mod properties;
mod stream;
mod tree;
mod written;
mod zip_by_hand;
mod zips;

use slipway_context::{ContextError, ContextLimits, ContextOptions, ContextSummary, copy_guarded};

use crate::made::Sent;
use slipway_domain::{DockerfilePath, Failure, Reason};

/// Guards an archive with the usual limits; the clean tar, or what it was refused for.
fn guard(archive: impl Sent) -> Result<Vec<u8>, Failure> {
    guard_for("Dockerfile", archive)
}

fn guard_for(dockerfile: &str, archive: impl Sent) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    match run(archive, &ContextLimits::default(), dockerfile, &mut out) {
        Ok(_) => Ok(out),
        Err(ContextError::Refused(failure)) => Err(failure),
        Err(ContextError::ReceiverGone) => panic!("a vector does not hang up"),
    }
}

fn run(
    archive: impl Sent,
    limits: &ContextLimits,
    dockerfile: &str,
    out: impl std::io::Write,
) -> Result<ContextSummary, ContextError> {
    let options = ContextOptions {
        limits: *limits,
        dockerfile: DockerfilePath::parse(dockerfile).unwrap(),
        ..ContextOptions::default()
    };
    copy_guarded(archive.sent(), &options, out)
}

/// What an archive is refused for, by one that has no zeros at the end of its files.
fn refusal(archive: impl Sent) -> (Reason, String) {
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
