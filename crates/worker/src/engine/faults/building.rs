//! Why a build failed.

use slipway_domain::{Failure, Reason, Stage};

use super::base_image::base_image;
use super::command::command_failed;
use super::dockerfile::{dockerfile_invalid, dockerfile_missing, perhaps_invalid, secret_missing};
use super::files::{address_not_fetched, file_not_found};
use super::step::FailedStep;
use super::{DISK_FULL, disk_full, failure};
use crate::engine::lines::Said;

/// What builders put before the cause, one after the other.
const PREFIXES: [&str; 7] = [
    "failed to solve with frontend dockerfile.v0: ",
    "failed to solve with frontend gateway.v0: ",
    // BuildKit 0.11 and later
    "failed to solve: ",
    "dockerfile.v0: ",
    "rpc error: code = Unknown desc = ",
    "failed to create LLB definition: ",
    "failed to build LLB: ",
];

/// The build failed, and the engine said why.
pub(in crate::engine) fn building(said: &Said, step: Option<&FailedStep>) -> Failure {
    let mut text = said.text.as_str();
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest;
    }
    // A command is first, because the sentence quotes it, and it can have any words in it.
    command_failed(text, said.code, step)
        .or_else(|| dockerfile_missing(text))
        .or_else(|| dockerfile_invalid(text))
        .or_else(|| text.contains(DISK_FULL).then(|| disk_full(text)))
        .or_else(|| bad_context(text))
        .or_else(|| address_not_fetched(text, step))
        .or_else(|| file_not_found(text, step))
        .or_else(|| no_session(text))
        .or_else(|| content_gone(text))
        .or_else(|| secret_missing(text))
        .or_else(|| base_image(text, step))
        .or_else(|| perhaps_invalid(text))
        .unwrap_or_else(|| unknown(text, step))
        .at(Stage::Building)
}

/// The host could not unpack the context. Ours are written anew and whole, so that this is
/// left for what came another way.
fn bad_context(text: &str) -> Option<Failure> {
    // `archive/tar: invalid tar header` (classic; BuildKit takes it for a Dockerfile)
    // `Error processing tar file(unexpected EOF): ` and `unexpected EOF` (classic), `failed to
    // read dockerfile: Error processing tar file(exit status 1): unexpected EOF` (BuildKit)
    let text = text.trim_start_matches("failed to read dockerfile: ");
    let reason = match text {
        "archive/tar: invalid tar header" => Reason::ContextNotAnArchive,
        "unexpected EOF" => Reason::ContextTruncated,
        _ if text.starts_with("Error processing tar file") => Reason::ContextTruncated,
        _ => return None,
    };
    let message = format!("the docker host could not unpack the build context: {text}");
    Some(failure(reason, &message).hint("make the archive and send it again"))
}

/// The session that the request names never came, or is gone.
fn no_session(text: &str) -> Option<Failure> {
    // `no active session for 6a5…: context deadline exceeded` (BuildKit)
    text.contains("no active session").then(|| {
        failure(Reason::HostUnreachable, "the docker host lost the session of the build")
            .hint("check the network between slipway and that docker host")
    })
}

/// Another build of the same content was purged between the writing of this one's image and its
/// naming: they share the image, which goes with its last name.
fn content_gone(text: &str) -> Option<Failure> {
    // `failed to get digest sha256:bc8f…: open /…/imagedb/content/sha256/bc8f…: no such file or
    // directory` (engine 20.10)
    (text.contains("failed to get digest sha256:") && text.ends_with("no such file or directory"))
        .then(|| {
            failure(Reason::ImageLost, "the docker host lost the image while it named it")
                .hint("an image of the same content was removed at that moment; retry the build")
        })
}

fn unknown(text: &str, step: Option<&FailedStep>) -> Failure {
    let message = match step {
        Some(step) => format!("{} failed on the docker host: {text}", step.place()),
        None => format!("the docker host could not build: {text}"),
    };
    failure(Reason::HostError, &message).hint("the log of its docker engine may say more")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(text: &str, step: &str) -> (Reason, String) {
        let said = Said { text: text.to_owned(), code: None };
        let failure = building(&said, Some(&FailedStep::of_vertex(step)));
        assert!(failure.hint.is_some(), "{text}");
        (failure.reason, failure.message)
    }

    /// What the tests with a real engine cannot make: a full disk, and later releases.
    #[test]
    fn sentences_that_need_another_engine() {
        use Reason::{
            BaseImageDenied, BaseImageNotFound, FileNotFound, HostDiskFull, HostError,
            HostUnreachable, RegistryError, RegistryUnreachable, StepFailed,
        };
        for (step, text, reason, words) in [
            // engine 20.10, its disk a small tmpfs
            (
                "[2/2] COPY big /",
                "failed to copy files: failed to copy file: Error processing tar \
              file(exit status 1): write /big: no space left on device",
                HostDiskFull,
                "disk is full",
            ),
            (
                "copy /context /",
                "failed to solve with frontend dockerfile.v0: failed to read \
              downloaded context: failed to load cache key: failed to add snapshot uj6 to lease: write \
              /data/buildkit/containerdmeta.db: no space left on device",
                HostDiskFull,
                "disk is full",
            ),
            // BuildKit 0.11 and later, from its sources
            (
                "[2/3] RUN make",
                "failed to solve: process \"/bin/sh -c make\" did not complete \
              successfully: exit code: 2",
                StepFailed,
                "step 2 of 3 failed: RUN make exited with code 2",
            ),
            (
                "[2/3] RUN x",
                "executor failed running [/bin/sh -c x: EOF]: signal: killed",
                StepFailed,
                "step 2 of 3 failed: RUN x: signal: killed",
            ),
            (
                "[2/2] COPY no /",
                "failed to solve: failed to compute cache key: failed to calculate \
              checksum of ref 6a5::9b2: \"/no\": not found",
                FileNotFound,
                "no is not there",
            ),
            (
                "[internal] load metadata for r.example/x:1",
                "failed to solve: r.example/x:1: failed to \
              resolve source metadata for r.example/x:1: r.example/x:1: not found",
                BaseImageNotFound,
                "base image r.example/x:1 was not found",
            ),
            (
                "[internal] load metadata for docker.io/library/nope:1",
                "failed to solve: nope:1: failed \
              to resolve source metadata for docker.io/library/nope:1: pull access denied, repository \
              does not exist or may require authorization: server message: insufficient_scope: \
              authorization failed",
                BaseImageDenied,
                "base image docker.io/library/nope:1 cannot",
            ),
            (
                "[internal] load metadata for r.example/x:1",
                "failed to authorize: failed to fetch \
              anonymous token: Get \"https://auth.example/\": dial tcp: lookup auth.example: no such \
              host",
                RegistryUnreachable,
                "no such host",
            ),
            (
                "[internal] load metadata for docker.io/library/a:1",
                "toomanyrequests: You have reached \
              your pull rate limit",
                RegistryError,
                "pull rate limit",
            ),
            // engine 20.10
            (
                "[2/2] RUN x",
                "failed to solve with frontend dockerfile.v0: secret token not found: not found",
                Reason::SecretMissing,
                "needs the build secret token",
            ),
            // BuildKit 0.11 and later, from its sources
            (
                "[2/2] RUN x",
                "failed to solve: secret token: not found",
                Reason::SecretMissing,
                "needs the build secret token,",
            ),
            (
                "[2/2] RUN x",
                "unable to find user nosuch: no matching entries in passwd file",
                Reason::DockerfileInvalid,
                "unable to find user nosuch",
            ),
            // BuildKit, from its sources
            (
                "[internal] load metadata for r.example/x:1",
                "no active session for 6a5: context \
              deadline exceeded",
                HostUnreachable,
                "session",
            ),
            (
                "[internal] load metadata for r.example/x:1",
                "dockerfile line greater than maximum allowed size of 65535",
                Reason::DockerfileInvalid,
                "65535",
            ),
            ("[2/2] RUN x", "something: permission denied: unknown", HostError, "something"),
        ] {
            let (found, message) = failed(text, step);
            assert_eq!(found, reason, "{text}: {message}");
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn words_of_the_dockerfile_do_not_mislead() {
        let text = "failed to solve: dockerfile parse error on line 3: unterminated heredoc: EOF";
        assert_eq!(failed(text, "[internal] x").0, Reason::DockerfileInvalid);
    }
}
