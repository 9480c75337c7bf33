//! What engines say when something fails, told apart.
//!
//! Engines have one kind of error, a sentence, and the sentences differ between builders and
//! releases. Each rule stands beside the words it was made for: those of Docker Engine 20.10,
//! observed with each builder (the tests make them again), and, marked as such, those of
//! later releases and of Podman, from their sources.

mod base_image;
mod building;
mod command;
mod dockerfile;
mod files;
mod network;
mod pulling;
mod pushing;
mod step;
mod text;

pub(super) use building::building;
pub(super) use pulling::pulling;
pub(super) use pushing::{no_digest, pushing};
pub(super) use step::FailedStep;
pub(crate) use text::message as one_line;

use slipway_domain::{Failure, ImageRef, Reason, Stage};

use super::Host;
use super::wire::{WireError, in_words};

/// `no space left on device`: the host's own disk, by its own words.
const DISK_FULL: &str = "no space left on device";
const DISK_HINT: &str =
    "free space on that docker host, as with docker system prune, or give it a larger disk";

/// Trouble with the host itself, whatever was asked of it. Its address stays out of it: who
/// reads a failure need not be who runs the hosts.
pub(super) fn host(host: &Host, error: WireError) -> Failure {
    let name = &host.name;
    match error {
        WireError::Unreachable(error) => {
            let message = format!("docker host {name} does not answer: {}", in_words(&error));
            failure(Reason::HostUnreachable, &message).hint(format!(
                "check that its docker engine runs, and the url of {name} in the settings"
            ))
        }
        WireError::Tls(fault) => {
            let message = format!("docker host {name} cannot be used: {fault}");
            failure(Reason::HostUnreachable, &message).hint(fault.hint(name.as_str()))
        }
        WireError::Broken(text) => {
            failure(Reason::HostUnreachable, &format!("docker host {name} broke off: {text}")).hint(
                "check that its docker engine runs and was not restarted, and the network to it",
            )
        }
        WireError::Refused { message, .. } if message.contains(DISK_FULL) => disk_full(&message),
        WireError::Refused { message, .. } => {
            failure(Reason::HostError, &format!("docker host {name} refused: {message}"))
                .hint("the log of its docker engine may say more")
        }
        WireError::Garbled(text) => {
            let message =
                format!("docker host {name} does not answer like a docker engine: {text}");
            failure(Reason::HostError, &message).hint(format!(
                "check that the url of {name} in the settings is that of a docker engine"
            ))
        }
        WireError::Unsendable(text) => {
            failure(Reason::Internal, &format!("the request to docker host {name} failed: {text}"))
        }
    }
}

/// An image that was built on this host a moment ago is not there any more: the engine was
/// replaced, or somebody cleans up. Built again it is there again.
pub(super) fn image_lost(host: &Host, image: &ImageRef) -> Failure {
    let message = format!("docker host {} lost {image} before it was pushed", host.name);
    failure(Reason::ImageLost, &message)
        .hint("check that nothing else removes images on that docker host")
}

/// The build mounts secrets or SSH agents, which the host's builder does not know: it would
/// run each step without them.
pub(super) fn no_mounts(host: &Host) -> Failure {
    let message = format!(
        "build secrets and ssh need buildkit, and docker host {} builds with the classic builder",
        host.name
    );
    failure(Reason::BuilderUnsupported, &message).hint(
        "let that host use buildkit (Docker 19.03 or later, builder = \"auto\" under \
         [[docker.hosts]]), or leave secrets and ssh out of the request",
    )
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
