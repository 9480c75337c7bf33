//! What engines say when something fails, told apart.
//!
//! Engines have one kind of error, a sentence, and the sentences differ between builders and
//! releases. Each rule stands beside the words it was made for: those of Docker Engine 20.10,
//! observed with each builder (the tests make them again), and, marked as such, those of
//! later releases and of Podman, from their sources.

mod building;
mod network;
mod pushing;
mod step;
mod text;

pub(super) use building::building;
pub(super) use pushing::{no_digest, pushing};
pub(super) use step::FailedStep;

use slipway_domain::{Failure, Reason, Stage};

use super::Host;
use super::wire::WireError;

/// `no space left on device`: the host's own disk, by its own words.
const DISK_FULL: &str = "no space left on device";
const DISK_HINT: &str =
    "free space on that docker host, as with docker system prune, or give it a larger disk";

/// Trouble with the host itself, whatever was asked of it.
pub(super) fn host(host: &Host, error: WireError) -> Failure {
    let (name, url) = (&host.name, &host.url);
    match error {
        WireError::Unreachable(error) => {
            let message = format!("docker host {name} does not answer: {}", connecting(&error));
            failure(Reason::HostUnreachable, &message)
                .hint(format!("check that the docker engine runs and listens at {url}"))
        }
        WireError::Broken(text) => {
            let message = format!("docker host {name} broke off the connection: {text}");
            failure(Reason::HostUnreachable, &message).hint(format!(
                "check that the docker engine at {url} is running and was not restarted"
            ))
        }
        WireError::Refused { message, .. } if message.contains(DISK_FULL) => disk_full(&message),
        WireError::Refused { message, .. } => {
            let message = format!("docker host {name} refused: {message}");
            failure(Reason::HostError, &message).hint("the log of its docker engine may say more")
        }
        WireError::Garbled(text) => {
            let message =
                format!("docker host {name} does not answer like a docker engine: {text}");
            failure(Reason::HostError, &message)
                .hint(format!("check that {url} is the address of a docker engine"))
        }
        WireError::Unsendable(text) => {
            failure(Reason::Internal, &format!("the request to docker host {name} failed: {text}"))
        }
    }
}

/// The build's context came with an error, so that the request was given up.
pub(super) fn context(error: &str) -> Failure {
    failure(Reason::ContextTruncated, &format!("the build context broke off: {error}"))
        .at(Stage::Preparing)
}

/// Arguments and labels travel in the request's first line.
pub(super) fn too_many_arguments() -> Failure {
    failure(
        Reason::DockerfileInvalid,
        "build arguments and labels are too long: together they may have about 60 kB",
    )
    .hint("put what is long into a file of the build context")
    .at(Stage::Building)
}

fn failure(reason: Reason, message: &str) -> Failure {
    Failure::new(reason, text::message(message))
}

fn disk_full(said: &str) -> Failure {
    failure(Reason::HostDiskFull, &format!("the docker host's disk is full: {said}"))
        .hint(DISK_HINT)
}

/// The system's words without its number: `connection refused (os error 111)`.
fn connecting(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}
