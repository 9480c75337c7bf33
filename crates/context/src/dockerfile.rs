//! The context of a build that brought nothing but its Dockerfile.

use bytes::Bytes;
use slipway_domain::DockerfilePath;

use crate::entry::{Entry, Kind};
use crate::output::CleanTar;
use crate::path::normalise;
use crate::{ContextError, ContextSummary, OpenContext, refuse};

/// A tar with one file: `content`, at `path`. Its time is zero, so that the same Dockerfile
/// makes the same context.
///
/// # Errors
/// None in practice: it is written to memory.
pub fn dockerfile_alone(content: &str, path: &DockerfilePath) -> Result<OpenContext, ContextError> {
    let name = path.as_str().as_bytes();
    let file = Entry {
        kind: Kind::File,
        name: name.to_vec(),
        target: Vec::new(),
        size: content.len() as u64,
        mode: 0o644,
        mtime: 0,
    };
    normalise(name).map_err(|fault| refuse::name(name, fault))?;
    let mut tar = Vec::with_capacity(content.len() + 4096);
    write(&file, content, &mut tar).map_err(refuse::output)?;
    let bytes = tar.len() as u64;
    let summary = ContextSummary { entries: 1, bytes, archive_bytes: bytes };
    Ok(OpenContext::of_bytes(Bytes::from(tar), summary))
}

fn write(file: &Entry, content: &str, tar: &mut Vec<u8>) -> std::io::Result<()> {
    let mut clean = CleanTar::new(tar);
    clean.entry(file, &file.name, &[])?;
    clean.data(content.as_bytes())?;
    clean.pad(file.size)?;
    clean.finish()
}
