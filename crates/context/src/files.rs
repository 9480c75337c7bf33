//! The context of a build that brought its Dockerfile, and perhaps a few files, as text.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use slipway_domain::DockerfilePath;

use crate::ignore::Ignore;
use crate::path::normalise;
use crate::{ContextError, ContextOptions, ContextWriter, OpenContext, refuse};

/// A tar with `dockerfile` at `path` and `files` beside it, by their paths in the context.
/// Times are zero, so that the same texts make the same context.
///
/// # Errors
/// [`ContextError::Refused`] names the file whose path leads out, is another one's or the
/// Dockerfile's, or lies below a file.
pub fn context_of_files(
    dockerfile: &str,
    path: &DockerfilePath,
    files: &BTreeMap<String, String>,
) -> Result<OpenContext, ContextError> {
    let options = ContextOptions { dockerfile: path.clone(), ..ContextOptions::default() };
    let mut tar = Vec::new();
    let mut context = ContextWriter::new(&options, Ignore::nothing(), &mut tar)?;
    let texts = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut seen = BTreeSet::new();
    for (name, text) in [(path.as_str(), dockerfile)].into_iter().chain(texts) {
        let name = name.as_bytes();
        let normal = normalise(name).map_err(|fault| refuse::name(name, fault))?;
        if !seen.insert(normal.clone()) {
            return Err(if normal == path.as_str().as_bytes() {
                refuse::dockerfile_twice(name)
            } else {
                refuse::file_twice(name)
            });
        }
        context.file(&normal, 0o644, text.len() as u64, text.as_bytes())?;
    }
    let summary = context.finish()?;
    Ok(OpenContext::of_bytes(Bytes::from(tar), summary))
}
