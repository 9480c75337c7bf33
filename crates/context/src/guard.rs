//! Reads an archive that was sent to us and writes a clean one.

use std::io::{Read, Write};

use slipway_domain::DockerfilePath;

use crate::contents::Contents;
use crate::entry::{self, Entry, Kind};
use crate::input::{Input, InputError};
use crate::links::{Links, LinksFault};
use crate::output::CleanTar;
use crate::path::{PathFault, Target, judge_target, normalise};
use crate::places::{Known, PlaceFault, Places};
use crate::refuse;
use crate::{ContextError, ContextLimits, ContextSummary};

/// Copies the tar in `archive`, plain or gzip, to `out`, entry by entry and each one judged.
/// Blocks; memory does not grow with the archive's bytes.
///
/// Kept are files, folders, symlinks and hard links that stay inside and can be unpacked, with
/// names in one spelling, modes and times. The owner becomes root; the rest is dropped.
///
/// # Errors
/// [`ContextError::Refused`] names the entry and the rule, or says that the archive is no
/// archive, cut, too large, or has no file at `dockerfile`. What was written by then has no
/// end mark. [`ContextError::ReceiverGone`] when `out` reports a broken pipe.
pub fn copy_guarded(
    archive: impl Read,
    limits: &ContextLimits,
    dockerfile: &DockerfilePath,
    out: impl Write,
) -> Result<ContextSummary, ContextError> {
    let mut input = Input::open(archive, *limits).map_err(|error| refuse::input(error, None))?;
    let mut clean = CleanTar::new(out);
    let mut links = Links::default();
    let mut places = Places::new(limits.entries);
    let mut contents = Contents::new(dockerfile);
    let mut entries = 0;

    while let Some(entry) = entry::next(&mut input)? {
        entries += 1;
        if entries > limits.entries {
            return Err(refuse::too_many(limits.entries, &entry.name));
        }
        let Some(admitted) = admit(&entry, &mut links, &places)? else {
            continue;
        };
        put(&mut places, entry.kind, &admitted.path, limits)?;
        contents.note(entry.kind, &admitted.path);
        if entry.size > input.allowance() {
            return Err(refuse::too_large(limits.bytes, Some(&entry.name)));
        }
        clean.entry(&entry, &admitted.path, &admitted.target).map_err(refuse::output)?;
        copy_data(&mut input, &mut clean, &entry)?;
    }
    read_to_end(&mut input)?;
    links.check_winding().map_err(|fault| match fault {
        LinksFault::Outside(path) => {
            let target = links.target(&path).unwrap_or_default();
            refuse::symlink(&path, target, PathFault::Leaves)
        }
        LinksFault::TooMany | LinksFault::TooTangled => refuse::tangled(),
    })?;
    contents.require_dockerfile(&links)?;
    clean.finish().map_err(refuse::output)?;
    Ok(ContextSummary { entries, bytes: input.position(), archive_bytes: input.packed() })
}

/// The names under which an entry goes on.
struct Admitted {
    path: Vec<u8>,
    target: Vec<u8>,
}

/// Judges an entry. `None` for the context's own folder, which the builder has already.
fn admit(
    entry: &Entry,
    links: &mut Links,
    places: &Places,
) -> Result<Option<Admitted>, ContextError> {
    let name = &entry.name;
    let path = normalise(name).map_err(|fault| refuse::name(name, fault))?;
    if path.is_empty() {
        return match entry.kind {
            Kind::Folder if !name.is_empty() => Ok(None),
            Kind::Folder | Kind::File | Kind::Symlink | Kind::HardLink => {
                Err(refuse::nameless(name))
            }
        };
    }
    if let Some(link) = links.above(&path) {
        return Err(refuse::behind_symlink(name, link));
    }
    let target = match entry.kind {
        Kind::File | Kind::Folder => {
            links.forget(&path);
            Vec::new()
        }
        Kind::Symlink => {
            admit_symlink(&path, &entry.target, links)?;
            entry.target.clone()
        }
        Kind::HardLink => admit_hard_link(&path, &entry.target, links, places)?,
    };
    Ok(Some(Admitted { path, target }))
}

/// Notes an entry where it stands, if it can stand there.
fn put(
    places: &mut Places,
    kind: Kind,
    path: &[u8],
    limits: &ContextLimits,
) -> Result<(), ContextError> {
    let put = match kind {
        Kind::Folder => places.put_folder(path),
        Kind::File | Kind::Symlink | Kind::HardLink => places.put_leaf(path),
    };
    put.map_err(|fault| match fault {
        PlaceFault::BelowFile(file) => refuse::below_file(path, file),
        PlaceFault::AboveEntries => refuse::above_entries(path),
        PlaceFault::TooMany => refuse::too_many(limits.entries, path),
    })
}

fn admit_symlink(path: &[u8], target: &[u8], links: &mut Links) -> Result<(), ContextError> {
    if target.is_empty() {
        return Err(refuse::no_target(path));
    }
    let winding = match judge_target(path, target) {
        Ok(Target::Inside) => false,
        Ok(Target::Winding) => true,
        Err(fault) => return Err(refuse::symlink(path, target, fault)),
    };
    links.keep(path, target, winding).map_err(|_| refuse::tangled())
}

/// Judges a hard link and returns its target as the builder shall see it. Unlike a symlink's
/// it starts at the top of the archive and means an entry that came before.
fn admit_hard_link(
    path: &[u8],
    target: &[u8],
    links: &mut Links,
    places: &Places,
) -> Result<Vec<u8>, ContextError> {
    let original = normalise(target).map_err(|fault| refuse::hard_link(path, target, fault))?;
    if original.is_empty() {
        return Err(refuse::no_target(path));
    }
    if let Some(link) = links.above(&original) {
        return Err(refuse::behind_symlink(target, link));
    }
    match places.at(&original) {
        Known::Leaf if original != path => {}
        // The engine would take the old entry away first, and then link to nothing.
        Known::Leaf => return Err(refuse::linked_to_itself(path)),
        Known::Folder => return Err(refuse::linked_to_folder(path, target)),
        Known::Nothing => return Err(refuse::linked_to_nothing(path, target)),
    }
    // A hard link to a symlink is that symlink again, read from another folder.
    match links.target(&original).map(<[u8]>::to_vec) {
        Some(target) => admit_symlink(path, &target, links)?,
        None => links.forget(path),
    }
    Ok(original)
}

fn copy_data<R: Read, W: Write>(
    input: &mut Input<R>,
    clean: &mut CleanTar<W>,
    entry: &Entry,
) -> Result<(), ContextError> {
    let within = |error| refuse::input(error, Some(&entry.name));
    let mut left = entry.size;
    while left > 0 {
        let bytes = input.fill().map_err(within)?;
        let count = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        if count == 0 {
            return Err(within(InputError::Cut));
        }
        clean.data(&bytes[..count]).map_err(refuse::output)?;
        input.consume(count);
        left -= count as u64;
    }
    input.skip(entry::padding(entry.size)).map_err(within)?;
    clean.pad(entry.size).map_err(refuse::output)
}

/// Reads what follows the end mark: gzip's checksum stands at the very end. Whatever else is
/// there is ignored, as every tar does, but it counts.
fn read_to_end<R: Read>(input: &mut Input<R>) -> Result<(), ContextError> {
    loop {
        let count = input.fill().map_err(|error| refuse::input(error, None))?.len();
        if count == 0 {
            return Ok(());
        }
        input.consume(count);
    }
}
