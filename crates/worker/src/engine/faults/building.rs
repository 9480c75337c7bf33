//! Why a build failed.

use slipway_domain::{Failure, ImageRef, Reason, Stage};

use super::network::Trouble;
use super::step::FailedStep;
use super::{DISK_FULL, disk_full, failure, text};
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
    command_failed(text, said.code, step)
        .or_else(|| dockerfile_missing(text))
        .or_else(|| file_not_found(text, step))
        .or_else(|| base_image(text, step))
        .or_else(|| dockerfile_invalid(text))
        .or_else(|| text.contains(DISK_FULL).then(|| disk_full(text)))
        .unwrap_or_else(|| {
            let message = match step {
                Some(step) => format!("{} failed on the docker host: {text}", step.place()),
                None => format!("the docker host could not build: {text}"),
            };
            failure(Reason::HostError, &message).hint("the log of its docker engine may say more")
        })
        .at(Stage::Building)
}

/// A process ended with a code. This comes first, because these sentences quote the command,
/// and the command can have any words in it.
fn command_failed(text: &str, code: Option<i64>, step: Option<&FailedStep>) -> Option<Failure> {
    let place = step.map_or_else(|| "a step".to_owned(), FailedStep::place);
    let instruction = step.map_or_else(|| "a command".to_owned(), FailedStep::instruction);
    // `executor failed running [/bin/sh -c exit 3]: exit code: 3` (BuildKit)
    // `process "/bin/sh -c exit 3" did not complete successfully: exit code: 3` (0.11 and later)
    let process = text.starts_with("executor failed running [") || text.starts_with("process \"");
    // `The command '/bin/sh -c exit 3' returned a non-zero code: 3` (classic)
    let mark = if process { "exit code: " } else { "returned a non-zero code: " };
    let told = || {
        let (_, after) = text.rsplit_once(mark)?;
        after.split(|c: char| !c.is_ascii_digit()).next()?.parse::<i64>().ok()
    };
    if let Some(code) =
        code.or_else(|| (process || text.starts_with("The command '")).then(told)?)
    {
        let message = format!("{place} failed: {instruction} exited with code {code}");
        return Some(failure(Reason::StepFailed, &message).hint(match code {
            126 => "code 126: the command is there, but cannot be executed".to_owned(),
            127 => "code 127: the image does not have the command".to_owned(),
            137 => "code 137: the command was killed, most often for want of memory".to_owned(),
            _ => "the output of the step, above in the log, tells why".to_owned(),
        }));
    }
    // `… unable to start container process: exec: "/bin/nope": stat /bin/nope: no such file …`
    // (classic; BuildKit answers with an exit code)
    let (_, why) = text.split_once("unable to start container process: ")?;
    let why = why.trim_end_matches(": unknown");
    let message = format!("{place} failed: {instruction} could not start: {why}");
    Some(
        failure(Reason::StepFailed, &message)
            .hint("check that the image has the program and can execute it"),
    )
}

fn dockerfile_missing(text: &str) -> Option<Failure> {
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

fn file_not_found(text: &str, step: Option<&FailedStep>) -> Option<Failure> {
    let step = step.filter(|step| step.is_copy());
    let what = missing_file(text, step.is_some())?;
    let message = match step {
        Some(step) => format!("{} failed: {}: {what}", step.place(), step.instruction()),
        None => what,
    };
    let hint = match step {
        Some(step) if step.copies_from_elsewhere() => {
            "check the path in the stage or image that it is copied from"
        }
        _ => {
            "paths are relative to the top of the build context, and .dockerignore may exclude them"
        }
    };
    Some(failure(Reason::FileNotFound, &message).hint(hint))
}

/// What is missing, as the end of a sentence.
fn missing_file(text: &str, copies: bool) -> Option<String> {
    // `failed to compute cache key: "/a/missing" not found: not found` (BuildKit)
    // `failed to calculate checksum of ref … : "/missing": not found` (0.11 and later)
    if let Some(rest) = text
        .strip_prefix("failed to compute cache key: ")
        .or_else(|| text.strip_prefix("failed to calculate checksum of ref "))
        && text.ends_with("not found")
        && let Some((_, path)) = rest.split_once("\"/")
        && let Some((path, _)) = path.split_once('"')
    {
        return Some(format!("{path} is not there"));
    }
    if let Some(rest) =
        text.strip_prefix("COPY failed: ").or_else(|| text.strip_prefix("ADD failed: "))
    {
        // `COPY failed: file not found in build context or excluded by .dockerignore: stat
        // missing: file does not exist`, `COPY failed: stat nope: file does not exist` (from
        // another stage), `COPY failed: no source files were specified` (a pattern),
        // `COPY failed: forbidden path outside the build context: ../x ()`, and `ADD failed:
        // Get "http://…": …` for an address (all classic)
        let stat = rest
            .split_once("stat ")
            .and_then(|(_, rest)| rest.strip_suffix(": file does not exist"));
        return Some(stat.map_or_else(
            || rest.trim_end_matches(" ()").to_owned(),
            |path| format!("{path} is not there"),
        ));
    }
    // `lstat /var/lib/docker/overlay2/…/merged/nope: no such file or directory` (BuildKit,
    // from another stage): the folder is the host's own affair.
    if copies && text.starts_with("lstat ") && text.ends_with(": no such file or directory") {
        let path = text.split_once("/merged/").map_or("it", |(_, path)| path);
        return Some(format!(
            "{} is not there",
            path.trim_end_matches(": no such file or directory")
        ));
    }
    // `no source files were specified` (BuildKit 0.11 and later)
    if text.contains("no source files were specified") {
        return Some("no file fits the pattern".to_owned());
    }
    // `failed to load cache key: Get "http://…": dial tcp …: connect: connection refused`,
    // `failed to load cache key: invalid response status 404`: what ADD should fetch (BuildKit).
    let rest = text.strip_prefix("failed to load cache key: ")?;
    (rest.starts_with("Get \"") || rest.starts_with("invalid response status"))
        .then(|| format!("its address cannot be fetched: {rest}"))
}

fn base_image(text: &str, step: Option<&FailedStep>) -> Option<Failure> {
    let missing = is_missing_image(text);
    let trouble = Trouble::of(text);
    // A denial can say of itself that the image is not found; no other trouble can.
    let (reason, trouble) = match trouble {
        Some(trouble) if trouble == Trouble::Denied || !missing => {
            (trouble.of_pull(), Some(trouble))
        }
        _ if missing => (Reason::BaseImageNotFound, None),
        _ => return None,
    };
    let image = image_in(text).or_else(|| step.and_then(FailedStep::image).map(ToOwned::to_owned));
    let shown = image
        .as_deref()
        .map_or_else(|| "the base image".to_owned(), |image| format!("base image {image}"));
    let registry = image.as_deref().and_then(|image| ImageRef::parse(image).ok());
    let registry =
        registry.map_or_else(|| "its registry".to_owned(), |image| image.registry().to_string());
    let cause = text
        .trim_start_matches("failed to load cache key: ")
        .trim_start_matches("invalid from flag value ");
    Some(match trouble {
        None => failure(reason, &format!("{shown} was not found: {cause}"))
            .hint("check its name, its tag and the platform; a private image needs a login in registry_auth"),
        Some(trouble) => failure(reason, &format!("{shown} cannot be pulled: {cause}"))
            .hint(trouble.hint(&registry)),
    })
}

fn is_missing_image(text: &str) -> bool {
    // `manifest for 127.0.0.1:5101/base/nope:1 not found: manifest unknown: manifest unknown`,
    // `no matching manifest for linux/arm64 in the manifest list entries`, `image with
    // reference x was found but does not match the specified platform: …` (classic)
    // `127.0.0.1:5101/base/nope:1: not found`, `no match for platform in manifest sha256:…: not
    // found` (BuildKit); `failed to load cache key: 127.0.0.1:5101/base/nope:1: not found`
    // (BuildKit, COPY --from)
    text.contains("manifest unknown")
        || text.contains("name unknown")
        || text.contains("no match for platform in manifest")
        || text.contains("no matching manifest for ")
        || text.contains("does not match the specified platform")
        || text.ends_with(": not found") && !text.contains('"')
}

/// The image that a sentence names.
fn image_in(text: &str) -> Option<String> {
    let name = match text.strip_prefix("manifest for ") {
        Some(rest) => rest.split(' ').next()?,
        None => text.strip_suffix(": not found")?.rsplit(' ').next()?,
    };
    ImageRef::parse(name).is_ok().then(|| name.to_owned())
}

fn dockerfile_invalid(text: &str) -> Option<Failure> {
    const STARTS: [&str; 10] = [
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
    const PARTS: [&str; 6] = [
        // `invalid reference format: repository name must be lowercase` (classic)
        "invalid reference format",
        "circular dependency detected",
        "invalid from flag value ",
        "failed to process \"",
        "unsupported modifier",
        // `"foo/bar/x/y": cannot parse platform specifier: invalid argument` (both),
        // `operating system is not supported` (BuildKit, windows on linux)
        "platform specifier",
    ];
    let found = STARTS.iter().any(|start| text.starts_with(start))
        || PARTS.iter().any(|part| text.contains(part))
        || text == "operating system is not supported";
    found.then(|| {
        let lower = text::clean(text);
        failure(Reason::DockerfileInvalid, lower.trim_start_matches("failed to parse Dockerfile: "))
            .hint("check the Dockerfile, and the target and platform of the request")
    })
}
