//! A Dockerfile that is not there, or makes no sense.

use slipway_domain::{Failure, Reason};

use super::{failure, text};

pub(super) fn dockerfile_missing(text: &str) -> Option<Failure> {
    // `Cannot locate specified Dockerfile: sub/Dockerfile` (classic)
    // `failed to read dockerfile: open /var/lib/docker/tmp/buildkit-mount3413006117/Dockerfile:
    // no such file or directory` (BuildKit; later without the folder)
    let path = match text.strip_prefix("Cannot locate specified Dockerfile: ") {
        Some(path) => path,
        None => {
            let rest = text.strip_prefix("failed to read dockerfile: open ")?;
            let path = rest.strip_suffix(": no such file or directory")?;
            match path.split_once("/buildkit-mount") {
                Some((_, rest)) => rest.split_once('/')?.1,
                None => path,
            }
        }
    };
    Some(
        failure(Reason::DockerfileMissing, &format!("the build context has no {path}"))
            .hint("put a Dockerfile at the top of the context, or name its path in dockerfile"),
    )
}

/// How sentences about a Dockerfile begin.
const STARTS_OF_INVALID: [&str; 10] = [
    // `dockerfile parse error line 2: unknown instruction: RUNN` (both; later `on line 2`)
    "dockerfile parse error",
    "Dockerfile parse error",
    "failed to parse Dockerfile: ",
    // `the Dockerfile (Dockerfile) cannot be empty` (classic), `the Dockerfile cannot be
    // empty` (BuildKit)
    "the Dockerfile ",
    "file with no instructions",
    "no build stage in current context",
    // `target stage nope could not be found` (BuildKit), `failed to reach build target nope
    // in Dockerfile` (classic)
    "target stage ",
    "failed to reach build target ",
    // `base name ($B) should not be blank` (both)
    "base name (",
    // `failed to parse stage name "UPPER/x:1": invalid reference format: …` (BuildKit)
    "failed to parse stage name ",
];

/// What sentences about a Dockerfile have in them. These come late: some also tell of an image
/// that cannot be pulled, which is then the reason.
const PARTS_OF_INVALID: [&str; 10] = [
    // `invalid reference format: repository name must be lowercase` (classic)
    "invalid reference format",
    "circular dependency detected",
    "invalid from flag value ",
    "failed to process \"",
    "unsupported modifier",
    // `"foo/bar/x/y": cannot parse platform specifier: invalid argument` (both),
    // `operating system is not supported` (BuildKit, windows on linux)
    "platform specifier",
    "operating system is not supported",
    // `unable to find user nosuch: no matching entries in passwd file` (both)
    "unable to find user ",
    // `max depth exceeded` (both, over 127 layers)
    "max depth exceeded",
    // `dockerfile line greater than maximum allowed size of 65535` (both; `max` in 20.10)
    "dockerfile line greater than max",
];

/// What can be said by how the sentence begins.
pub(super) fn dockerfile_invalid(text: &str) -> Option<Failure> {
    STARTS_OF_INVALID.iter().any(|start| text.starts_with(start)).then(|| invalid(text))
}

/// What can be said by a part of the sentence, once it is about nothing else.
pub(super) fn perhaps_invalid(text: &str) -> Option<Failure> {
    PARTS_OF_INVALID.iter().any(|part| text.contains(part)).then(|| invalid(text))
}

/// A step asks for a secret or an SSH agent that did not come with the build.
pub(super) fn secret_missing(text: &str) -> Option<Failure> {
    let (what, field, name) = if let Some((_, rest)) = text.split_once("ssh key ") {
        // `ssh key default not found`, which our own session says, with BuildKit's prefixes
        ("ssh key", "ssh", rest.split(" not found").next()?)
    } else {
        // `secret token not found: not found` (BuildKit, `required=true`; later
        // `secret token: not found`)
        let rest = text.strip_prefix("secret ")?;
        ("build secret", "secrets", rest.split([' ', ':']).next()?)
    };
    if !text.contains("not found") {
        return None;
    }
    let message = format!("a step needs the {what} {name}, which the build does not have");
    let hint = format!(
        "send it as {field}.{name} of the request, or let the mount do without it: required=false"
    );
    Some(failure(Reason::SecretMissing, &message).hint(hint))
}

fn invalid(text: &str) -> Failure {
    let text = text.trim_start_matches("failed to parse Dockerfile: ");
    let mut text = text::clean(text);
    if text.starts_with("Dockerfile ") {
        text.replace_range(..1, "d");
    }
    // A builder that knows no heredoc takes its lines for instructions.
    let hint = if text.contains("unknown instruction: ") {
        "check the word; if it stands in a heredoc (<<EOF), begin the Dockerfile with \
         `# syntax=docker/dockerfile:1`, or join the commands with &&: this docker host's own \
         builder knows no heredocs"
    } else {
        "check the Dockerfile, and the target and platform of the request"
    };
    failure(Reason::DockerfileInvalid, &text).hint(hint)
}
