//! Archives of every kind as one sequence of entries.
//!
//! What kind it is, its first bytes say, never its name or what a server called it. A tar is
//! read from front to back, plain or out of its compression; a zip by the directory at its
//! end. Either way each entry is handed on with its data right behind it, and nothing is kept.

mod format;
mod input;
mod members;
mod pax;
mod tar;
mod zip;

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use crate::entry::Entry;
use crate::{ContextError, ContextLimits, refuse};

pub(crate) use format::{Compression, Format};
pub(crate) use input::{BLOCK, InputError};
pub(crate) use members::MOST_MEMORY;
pub(crate) use tar::padding;

use input::Input;

/// Bytes of the start that tell one kind from the other, and make a message when none does.
const START: u64 = BLOCK as u64;

/// The data of one entry.
pub(crate) trait Data {
    /// The bytes at hand; none at the end of the data. Only then has it been checked.
    fn fill(&mut self) -> Result<&[u8], ContextError>;

    fn consume(&mut self, count: usize);
}

/// Takes one entry; what it leaves of the data is passed over.
pub(crate) type Visit<'a> =
    dyn FnMut(&Entry, &mut dyn Data) -> Result<ControlFlow<()>, ContextError> + 'a;

/// Hands all entries of an archive to `visit`, or those up to the one at which it breaks.
/// Tells how many bytes the archive has, as far as it was read.
pub(crate) fn walk<R: Read + Seek>(
    mut archive: R,
    limits: &ContextLimits,
    visit: &mut Visit<'_>,
) -> Result<u64, ContextError> {
    match format(&mut archive)? {
        Format::Zip => zip::walk(archive, limits, visit),
        Format::Tar(compression) => {
            let mut input = Input::open(archive, compression, *limits)
                .map_err(|error| refuse::input(error, None))?;
            tar::walk(&mut input, visit)?;
            Ok(input.packed())
        }
    }
}

/// Whether nothing can be said of an archive before its last byte has come.
pub(crate) fn begins_at_its_end<R: Read + Seek>(archive: &mut R) -> Result<bool, ContextError> {
    Ok(match format(archive)? {
        Format::Zip => true,
        Format::Tar(_) => false,
    })
}

/// What an archive is. It stands at its start then.
fn format<R: Read + Seek>(archive: &mut R) -> Result<Format, ContextError> {
    let unreadable = |error| refuse::input(InputError::Failed(error), None);
    archive.rewind().map_err(unreadable)?;
    let mut start = Vec::new();
    archive.by_ref().take(START).read_to_end(&mut start).map_err(unreadable)?;
    archive.rewind().map_err(unreadable)?;
    Ok(Format::of(&start))
}
