//! What the directory of a zip says about one file, put in words of a tar.

use rawzip::time::ZipDateTimeKind;
use rawzip::{CreatorSystem, ZipFileHeaderRecord, ZipLocalFileHeader};

use crate::entry::{Entry, Kind, MODE_BITS};
use crate::{ContextError, refuse};

/// The kind of a file, in a mode of Unix.
const KIND_BITS: u32 = 0o170_000;
/// What is packed is the difference to another file.
const PATCH: u16 = 1 << 5;

/// The entry, without its target.
pub(super) fn describe(listed: &ZipFileHeaderRecord<'_>) -> Result<Entry, ContextError> {
    let system = listed.version_made_by().creator_system();
    let name = name(listed, system);
    let on_unix = system == CreatorSystem::UNIX || system == CreatorSystem::MACOS;
    let mode = if on_unix { listed.external_attributes() >> 16 } else { 0 };
    let kind = match mode & KIND_BITS {
        0o120_000 => Kind::Symlink,
        0o040_000 => Kind::Folder,
        0 | 0o100_000 if name.ends_with(b"/") => Kind::Folder,
        0 | 0o100_000 => Kind::File,
        0o010_000 => return Err(refuse::kind(&name, b'6')),
        0o020_000 => return Err(refuse::kind(&name, b'3')),
        0o060_000 => return Err(refuse::kind(&name, b'4')),
        _ => return Err(refuse::kind(&name, b'?')),
    };
    // A mode of zeros is that of a writer that knows none.
    let mode = match (mode & MODE_BITS, kind) {
        (0, Kind::Folder) => 0o755,
        (0, _) => 0o644,
        (mode, _) => mode,
    };
    let size = if kind == Kind::Folder { 0 } else { listed.uncompressed_size_hint() };
    Ok(Entry { kind, name, target: Vec::new(), size, mode, mtime: mtime(listed) })
}

/// The name, with the slashes that the format asks for: some writers on Windows leave its
/// backslashes. What comes of them is judged like any other name.
fn name(listed: &ZipFileHeaderRecord<'_>, system: CreatorSystem) -> Vec<u8> {
    let path = listed.file_path();
    let mut name = path.as_bytes().to_vec();
    let on_windows =
        [CreatorSystem::FAT, CreatorSystem::NTFS, CreatorSystem::MVS, CreatorSystem::VFAT]
            .contains(&system);
    if on_windows && !name.contains(&b'/') {
        for byte in name.iter_mut().filter(|byte| **byte == b'\\') {
            *byte = b'/';
        }
    }
    name
}

/// Without a zone, as most are, the time is taken for UTC: the same zip is the same context
/// on every worker.
fn mtime(listed: &ZipFileHeaderRecord<'_>) -> u64 {
    let seconds = match listed.last_modified() {
        ZipDateTimeKind::Utc(time) => time.to_unix(),
        ZipDateTimeKind::Local(time) => rawzip::time::UtcDateTime::from_components(
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            0,
        )
        .map_or(0, |time| time.to_unix()),
    };
    u64::try_from(seconds).unwrap_or(0)
}

/// Refuses a file of which the directory says one thing and its own header another.
pub(super) fn check_twin(
    listed: &ZipFileHeaderRecord<'_>,
    twin: &ZipLocalFileHeader<'_>,
    name: &[u8],
) -> Result<(), ContextError> {
    let flags = [listed.flags(), twin.flags()];
    if flags.iter().any(|f| f.is_encrypted() || f.has_strong_encryption() || f.is_masked()) {
        return Err(refuse::zip_encrypted(name));
    }
    if flags.iter().any(|flags| flags.bits() & PATCH != 0) {
        return Err(refuse::zip_method(name, "a patch"));
    }
    let same_name = listed.file_path().as_bytes() == twin.file_path().as_bytes();
    let same_method = listed.compression_method() == twin.compression_method();
    // A writer that could not go back has put sizes and checksum behind the data.
    let same_data = twin.flags().has_data_descriptor()
        || (listed.crc32() == twin.crc32()
            && listed.compressed_size_hint() == twin.compressed_size_hint()
            && listed.uncompressed_size_hint() == twin.uncompressed_size_hint());
    if same_name && same_method && same_data { Ok(()) } else { Err(refuse::zip_twins(name)) }
}
