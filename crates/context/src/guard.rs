//! Reads an archive that was sent to us and writes a clean one.

use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;

use crate::archive::{self, Data};
use crate::entry::Kind;
use crate::survey::{Findings, survey};
use crate::{ContextError, ContextOptions, ContextSummary, ContextWriter};

/// Copies the archive, a zip or a tar in any of the usual compressions, to `out` as a plain
/// tar, entry by entry and each one judged. Blocks; memory does not grow with the archive's
/// bytes. The archive is read where it is, from its start, and twice where the options ask
/// for what can be told only from all of it: to strip a folder, or to heed `.dockerignore`.
///
/// Kept are files, folders, symlinks and hard links that stay inside and can be unpacked, with
/// names in one spelling, modes and times. The owner becomes root; the rest is dropped. Names
/// that differ in case alone are two names, as on Linux.
///
/// # Errors
/// [`ContextError::Refused`] names the entry and the rule, or says that the archive is no
/// archive, cut, too large, or has no Dockerfile. What was written by then has no end mark.
/// [`ContextError::ReceiverGone`] when `out` reports a broken pipe.
pub fn copy_guarded(
    mut archive: impl Read + Seek,
    options: &ContextOptions,
    out: impl Write,
) -> Result<ContextSummary, ContextError> {
    let Findings { top, ignore } = survey(&mut archive, options)?;
    let mut context = ContextWriter::within(options, &top, ignore, out)?;
    let archive_bytes = archive::walk(&mut archive, &options.limits, &mut |entry, data| {
        if context.begin(entry)? && entry.kind == Kind::File {
            copy_data(data, &mut context)?;
            context.end_file(entry.size)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(ContextSummary { archive_bytes, ..context.finish()? })
}

pub(crate) fn copy_data<W: Write>(
    data: &mut dyn Data,
    context: &mut ContextWriter<W>,
) -> Result<(), ContextError> {
    loop {
        let bytes = data.fill()?;
        if bytes.is_empty() {
            return Ok(());
        }
        context.data(bytes)?;
        let count = bytes.len();
        data.consume(count);
    }
}
