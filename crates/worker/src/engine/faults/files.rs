//! A file that `COPY` or `ADD` does not find, in the context or at an address.

use slipway_domain::{Failure, Reason};

use super::failure;
use super::step::FailedStep;

pub(super) fn file_not_found(text: &str, step: Option<&FailedStep>) -> Option<Failure> {
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

/// What `ADD` names by its address, and the host cannot fetch.
pub(super) fn address_not_fetched(text: &str, step: Option<&FailedStep>) -> Option<Failure> {
    // `failed to load cache key: Get "http://…": dial tcp …: connect: connection refused`,
    // `failed to load cache key: invalid response status 404` (BuildKit), `ADD failed: Get
    // "http://…": dial tcp …`, `ADD failed: failed to GET http://… with status 404 Not Found:
    // …` (classic)
    let cause = ["failed to load cache key: ", "ADD failed: "]
        .iter()
        .find_map(|start| text.strip_prefix(start))
        .filter(|cause| {
            ["Get \"", "invalid response status", "failed to GET "]
                .iter()
                .any(|start| cause.starts_with(start))
        })?;
    // Registries are asked with the same words, but by other steps.
    let step = step.filter(|step| step.is_add())?;
    let message = format!(
        "{} failed: {}: the docker host could not fetch the address: {cause}",
        step.place(),
        step.instruction(),
    );
    let hint = "check the address; the docker host fetches it, so that it must be reachable from \
                there";
    Some(failure(Reason::AddressNotFetched, &message).hint(hint))
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
        // another stage), `COPY failed: no source files were specified` (a pattern), and
        // `COPY failed: forbidden path outside the build context: ../x ()` (all classic)
        let stat = rest
            .split_once("stat ")
            .and_then(|(_, rest)| rest.strip_suffix(": file does not exist"));
        return Some(stat.map_or_else(
            || rest.trim_end_matches(" ()").to_owned(),
            |path| format!("{path} is not there"),
        ));
    }
    // `failed to compute cache key: failed to walk /var/lib/docker/tmp/buildkit-mount2507932403/a:
    // lstat /var/lib/docker/tmp/buildkit-mount2507932403/a: no such file or directory` (BuildKit),
    // `lstat /var/lib/docker/overlay2/…/merged/nope: no such file or directory` (BuildKit, from
    // another stage): the folders are the host's own affair.
    if let Some(rest) = text.strip_suffix(": no such file or directory").filter(|_| copies)
        && let Some((_, path)) = rest.rsplit_once("lstat /")
    {
        let path = path
            .split_once("/merged/")
            .or_else(|| path.split_once("/buildkit-mount")?.1.split_once('/'))
            .map_or("it", |(_, path)| path);
        return Some(format!("{path} is not there"));
    }
    // `no source files were specified` (BuildKit 0.11 and later)
    if text.contains("no source files were specified") {
        return Some("no file fits the pattern".to_owned());
    }
    None
}
