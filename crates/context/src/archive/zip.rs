//! A zip, by the directory at its end.
//!
//! The format says everything twice, in the directory and in front of each file, and readers
//! that believe one or the other see different archives in the same bytes. Here both have to
//! say the same. Files may not share bytes either: with overlaps, ten megabytes hold a
//! petabyte that no ratio between one file and its data tells of.

mod data;
mod record;
mod watched;

use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::rc::Rc;

use rawzip::{ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive, ZipLocator};

use self::data::{Packing, ZipData};
use self::watched::{Tally, Watched};
use super::{Data as _, InputError, Visit};
use crate::entry::{Entry, Kind};
use crate::{ContextError, ContextLimits, refuse};

/// Files in the directory for each entry that may go on: two numbers are kept of each.
const LISTED_FOR_ONE: u64 = 4;
/// Bytes of the name and the extra fields in front of a file.
const LOCAL: usize = 2 * (u16::MAX as usize);
/// The longest target of a symlink on Linux.
const LONGEST_TARGET: u64 = 4096;

/// Hands all entries to `visit`, in the order of the directory.
pub(super) fn walk<R: Read + Seek>(
    archive: R,
    limits: &ContextLimits,
    visit: &mut Visit<'_>,
) -> Result<u64, ContextError> {
    let zip = Zip::open(archive, limits)?;
    zip.check_layout()?;
    zip.walk(visit)?;
    Ok(zip.size)
}

struct Zip<R> {
    archive: ZipArchive<Watched<R>>,
    limits: ContextLimits,
    tally: Rc<Tally>,
    /// Bytes of the file.
    size: u64,
}

impl<R: Read + Seek> Zip<R> {
    fn open(archive: R, limits: &ContextLimits) -> Result<Self, ContextError> {
        let (watched, size) = Watched::new(archive)
            .map_err(|error| refuse::input(InputError::Failed(error), None))?;
        let tally = watched.tally();
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        ZipLocator::new()
            .locate_in_reader(watched, &mut buffer, size)
            .map(|archive| Self { archive, limits: *limits, tally: Rc::clone(&tally), size })
            .map_err(|(_, error)| trouble(&tally, &error))
    }

    /// Refuses files that share bytes, with one another or with the directory.
    fn check_layout(&self) -> Result<(), ContextError> {
        let most = self.limits.entries.saturating_mul(LISTED_FOR_ONE);
        let directory = self.archive.directory_offset();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let mut files = self.archive.entries(&mut buffer);
        while let Some(listed) = files.next_entry().map_err(|error| self.trouble(&error))? {
            let path = listed.file_path();
            if ranges.len() as u64 >= most {
                return Err(refuse::too_many(most, path.as_bytes()));
            }
            let stored = self.archive.get_entry(listed.wayfinder());
            let (_, end) = stored.map_err(|error| self.trouble(&error))?.compressed_data_range();
            if end > directory {
                return Err(refuse::zip_overlap(path.as_bytes()));
            }
            ranges.push((listed.local_header_offset(), end));
        }
        if ranges.len() as u64 != self.archive.entries_hint() {
            return Err(refuse::zip_damaged());
        }
        ranges.sort_unstable();
        match ranges.windows(2).find(|pair| pair[0].1 > pair[1].0) {
            Some(pair) => Err(refuse::zip_overlap_near(pair[1].0)),
            None => Ok(()),
        }
    }

    fn walk(&self, visit: &mut Visit<'_>) -> Result<(), ContextError> {
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let mut local = vec![0; LOCAL];
        let mut unpacked = 0;
        let mut files = self.archive.entries(&mut buffer);
        while let Some(listed) = files.next_entry().map_err(|error| self.trouble(&error))? {
            let stored = self.archive.get_entry(listed.wayfinder());
            let stored = stored.map_err(|error| self.trouble(&error))?;
            let twin = stored.local_header(&mut local).map_err(|error| self.trouble(&error))?;
            let mut entry = record::describe(&listed)?;
            record::check_twin(&listed, &twin, &entry.name)?;
            if listed.uncompressed_size_hint() > self.limits.bytes {
                return Err(refuse::too_large(self.limits.bytes, Some(&entry.name)));
            }
            let packing = Packing::of(&listed, &entry.name)?;
            let unpacker = packing.open(stored.reader());
            let tally = Rc::clone(&self.tally);
            let name = entry.name.clone();
            let mut data = ZipData::new(unpacker, &listed, name, self.limits, tally, &mut unpacked);
            if entry.kind == Kind::Symlink {
                entry.target = read_target(&mut data, &entry)?;
                entry.size = 0;
            }
            if visit(&entry, &mut data)? == ControlFlow::Break(()) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn trouble(&self, error: &rawzip::Error) -> ContextError {
        trouble(&self.tally, error)
    }
}

/// What is wrong with the zip, or with reading it.
fn trouble(tally: &Tally, error: &rawzip::Error) -> ContextError {
    if let Some(failure) = tally.take_failure() {
        return refuse::input(InputError::Failed(failure), None);
    }
    if matches!(error.kind(), ErrorKind::MissingEndOfCentralDirectory) {
        refuse::zip_cut()
    } else {
        refuse::zip_damaged()
    }
}

/// The target of a symlink, which is its data.
fn read_target<R: Read + Seek>(
    data: &mut ZipData<'_, R>,
    entry: &Entry,
) -> Result<Vec<u8>, ContextError> {
    if entry.size > LONGEST_TARGET {
        return Err(refuse::long_target(&entry.name));
    }
    let mut target = Vec::new();
    loop {
        let bytes = data.fill()?;
        if bytes.is_empty() {
            return Ok(target);
        }
        target.extend_from_slice(bytes);
        let count = bytes.len();
        data.consume(count);
    }
}
