//! A tar, one entry at a time: header block, extensions before it, and what it says.
//!
//! The blocks are framed here, with the `tar` crate reading the fields of each header. Its
//! own iterator is for archives one trusts: it keeps a long name in memory whatever its
//! size, takes an archive that just stops for a whole one, and mixes up its own errors with
//! those of the reader below.

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use tar::Header;

use super::input::{BLOCK, Filled, Input, InputError};
use super::pax::{self, Records};
use super::{Data, Visit};
use crate::entry::{Entry, Kind, MODE_BITS, plausible_mtime};
use crate::{ContextError, refuse};

/// Bytes of one extension (a long name, pax records) at most; Go's reader has the same.
const LARGEST_EXTENSION: u64 = 1 << 20;

/// What stood in front of a header, about the entry it begins.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    records: Records,
    any: bool,
}

/// Hands all entries to `visit`.
pub(super) fn walk<R: Read + Seek>(
    input: &mut Input<R>,
    visit: &mut Visit<'_>,
) -> Result<(), ContextError> {
    while let Some(entry) = next(input)? {
        if entry.size > input.allowance() {
            return Err(refuse::too_large(input.limits().bytes, Some(&entry.name)));
        }
        let mut data = TarData { input, name: &entry.name, left: entry.size };
        let flow = visit(&entry, &mut data)?;
        let left = data.left.saturating_add(padding(entry.size));
        if flow == ControlFlow::Break(()) {
            return Ok(());
        }
        input.skip(left).map_err(|error| refuse::input(error, Some(&entry.name)))?;
    }
    read_to_end(input)
}

/// Reads what follows the end mark: the checksum of a compression stands at the very end.
/// Whatever else is there is ignored, as every tar does, but it counts.
fn read_to_end<R: Read + Seek>(input: &mut Input<R>) -> Result<(), ContextError> {
    loop {
        let count = input.fill().map_err(|error| refuse::input(error, None))?.len();
        if count == 0 {
            return Ok(());
        }
        input.consume(count);
    }
}

struct TarData<'a, R: Read> {
    input: &'a mut Input<R>,
    name: &'a [u8],
    left: u64,
}

impl<R: Read + Seek> Data for TarData<'_, R> {
    fn fill(&mut self) -> Result<&[u8], ContextError> {
        if self.left == 0 {
            return Ok(&[]);
        }
        let within = |error| refuse::input(error, Some(self.name));
        let bytes = self.input.fill().map_err(within)?;
        if bytes.is_empty() {
            return Err(within(InputError::Cut));
        }
        let count = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
        Ok(&bytes[..count])
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.left -= count as u64;
    }
}

/// Reads up to the data of the next entry. `None` at the end mark of the archive.
fn next<R: Read + Seek>(input: &mut Input<R>) -> Result<Option<Entry>, ContextError> {
    let mut extensions = Extensions::default();
    loop {
        let Some(header) = next_header(input)? else {
            return if extensions.any { Err(refuse::cut(None)) } else { Ok(None) };
        };
        match header.entry_type().as_byte() {
            b'L' => extensions.name = Some(long_name(input, &header)?),
            b'K' => extensions.target = Some(long_name(input, &header)?),
            b'x' => {
                let data = extension(input, &header)?;
                extensions.records = pax::parse(&data)
                    .map_err(|pax::Malformed| refuse::damaged(input.position()))?;
            }
            // Comments, such as git's commit id. Nothing in them is about a single entry.
            b'g' => {
                let size = declared_size(input, &header)?;
                input.skip(padded(size)).map_err(|error| refuse::input(error, None))?;
            }
            _ => return describe(input, &header, extensions).map(Some),
        }
        extensions.any = true;
    }
}

/// Bytes from the end of the data to the next header.
pub(crate) const fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

const fn padded(size: u64) -> u64 {
    size.saturating_add(padding(size))
}

/// The end mark is two blocks of zeros. One will do, if the file ends there: GNU tar takes
/// it too. None will not: an upload that was cut between two entries looks just like that,
/// and its build would go well with half of the files missing. A writer that forgets the
/// end mark (Go's without `Close`) forgets the last file's padding as well.
fn next_header<R: Read + Seek>(input: &mut Input<R>) -> Result<Option<Header>, ContextError> {
    let mut header = Header::new_old();
    // A new one has a time in it, and what is read may be shorter.
    header.as_mut_bytes().fill(0);
    let start = input.position();
    match read_block(input, &mut header)? {
        Filled::Whole => {}
        Filled::Nothing if start == 0 => return Err(refuse::empty(input.compression())),
        Filled::Part if start == 0 => {
            return Err(refuse::not_a_tar(header.as_bytes(), input.compression()));
        }
        Filled::Nothing | Filled::Part => return Err(refuse::cut(None)),
    }
    if is_zero(&header) {
        let start = input.position();
        return match read_block(input, &mut header)? {
            Filled::Whole if !is_zero(&header) => Err(refuse::damaged(start)),
            Filled::Whole | Filled::Part | Filled::Nothing => Ok(None),
        };
    }
    if has_valid_checksum(&header) {
        Ok(Some(header))
    } else if start == 0 {
        Err(refuse::not_a_tar(header.as_bytes(), input.compression()))
    } else {
        Err(refuse::damaged(start))
    }
}

fn read_block<R: Read + Seek>(
    input: &mut Input<R>,
    header: &mut Header,
) -> Result<Filled, ContextError> {
    input.read_block(header.as_mut_bytes()).map_err(|error| refuse::input(error, None))
}

fn is_zero(header: &Header) -> bool {
    header.as_bytes().iter().all(|byte| *byte == 0)
}

fn has_valid_checksum(header: &Header) -> bool {
    const FIELD: std::ops::Range<usize> = 148..156;
    let bytes = header.as_bytes();
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    // The field counts as eight spaces.
    let expected = sum(bytes) - sum(&bytes[FIELD]) + 8 * u32::from(b' ');
    header.cksum().is_ok_and(|written| written == expected)
}

fn extension<R: Read + Seek>(
    input: &mut Input<R>,
    header: &Header,
) -> Result<Vec<u8>, ContextError> {
    let size = declared_size(input, header)?;
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size as u64 <= LARGEST_EXTENSION)
        .ok_or_else(|| refuse::large_extension(size))?;
    let data = input.read_vec(size).map_err(|error| refuse::input(error, None))?;
    input.skip(padding(size as u64)).map_err(|error| refuse::input(error, None))?;
    Ok(data)
}

fn long_name<R: Read + Seek>(
    input: &mut Input<R>,
    header: &Header,
) -> Result<Vec<u8>, ContextError> {
    let mut name = extension(input, header)?;
    // It ends with a NUL; one in the middle stays, and is refused with the other controls.
    while name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

fn declared_size<R: Read + Seek>(input: &Input<R>, header: &Header) -> Result<u64, ContextError> {
    header.entry_size().map_err(|_| refuse::damaged(input.position()))
}

fn describe<R: Read + Seek>(
    input: &Input<R>,
    header: &Header,
    extensions: Extensions,
) -> Result<Entry, ContextError> {
    let Extensions { name, target, records, .. } = extensions;
    let name = name.or(records.path).unwrap_or_else(|| header.path_bytes().into_owned());
    let byte = header.entry_type().as_byte();
    let kind = match byte {
        // Archives from before ustar have no type for folders, only the slash.
        b'0' if name.ends_with(b"/") && header.entry_size().is_ok_and(|size| size == 0) => {
            Kind::Folder
        }
        b'0' | b'7' => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'5' => Kind::Folder,
        _ => return Err(refuse::kind(&name, byte)),
    };
    if records.sparse {
        return Err(refuse::kind(&name, b'S'));
    }
    let target = target
        .or(records.linkpath)
        .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
        .unwrap_or_default();
    let size = match kind {
        Kind::File => records.size.map_or_else(|| declared_size(input, header), Ok)?,
        // Some writers state a size here and yet write no data; Go, and so docker, skips none.
        Kind::Folder | Kind::Symlink | Kind::HardLink => 0,
    };
    let usual_mode = if kind == Kind::Folder { 0o755 } else { 0o644 };
    Ok(Entry {
        kind,
        name,
        target,
        size,
        mode: header.mode().unwrap_or(usual_mode) & MODE_BITS,
        mtime: header.mtime().map_or(0, plausible_mtime),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_ends_on_a_block() {
        for (size, rest) in [(0, 0), (1, 511), (511, 1), (512, 0), (u64::MAX, 1)] {
            assert_eq!(padding(size), rest);
        }
    }
}
