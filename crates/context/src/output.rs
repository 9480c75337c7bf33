//! The clean archive: every header written anew.
//!
//! `tar::Builder` is left out for two habits of its own: it writes the end mark when it is
//! dropped, which would make half an archive look whole, and it refuses some long names
//! that are not UTF-8.

use std::io::{self, Write};

use tar::{EntryType, Header};

use crate::archive::{BLOCK, padding};
use crate::entry::{Entry, Kind};

const ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

pub(crate) struct CleanTar<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> CleanTar<W> {
    pub(crate) const fn new(out: W) -> Self {
        Self { out, bytes: 0 }
    }

    /// Writes the header of `entry` under `path`; a hard link's or symlink's target is
    /// `target`. The data of a file follows through [`Self::data`] and [`Self::pad`].
    pub(crate) fn entry(&mut self, entry: &Entry, path: &[u8], target: &[u8]) -> io::Result<()> {
        let mut header = header(entry.size, entry.mode);
        header.set_mtime(entry.mtime);
        header.set_entry_type(match entry.kind {
            Kind::File => EntryType::Regular,
            Kind::Folder => EntryType::Directory,
            Kind::Symlink => EntryType::Symlink,
            Kind::HardLink => EntryType::Link,
        });
        let mut path = path.to_vec();
        if entry.kind == Kind::Folder {
            path.push(b'/');
        }
        if !put(&mut header.as_old_mut().linkname, target) {
            self.long_name(EntryType::GNULongLink, target)?;
        }
        if !put(&mut header.as_old_mut().name, &path) {
            self.long_name(EntryType::GNULongName, &path)?;
        }
        header.set_cksum();
        self.data(header.as_bytes())
    }

    /// Bytes written so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    pub(crate) fn pad(&mut self, size: u64) -> io::Result<()> {
        let count = usize::try_from(padding(size)).unwrap_or(0);
        self.data(&ZEROS[..count])
    }

    /// Writes the end mark and tells how many bytes it all took.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.data(&ZEROS)?;
        self.out.flush()?;
        Ok(self.bytes)
    }

    fn long_name(&mut self, kind: EntryType, name: &[u8]) -> io::Result<()> {
        let size = name.len() as u64 + 1;
        let mut header = header(size, 0o644);
        header.set_entry_type(kind);
        put(&mut header.as_old_mut().name, b"././@LongLink");
        header.set_cksum();
        self.data(header.as_bytes())?;
        self.data(name)?;
        self.data(&[0])?;
        self.pad(size)
    }
}

/// A header in GNU's format, owned by root: the builder sets owners as the Dockerfile says.
fn header(size: u64, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Puts a name into its field, cut where the field ends, and tells whether it was whole.
fn put(field: &mut [u8; 100], name: &[u8]) -> bool {
    for (to, from) in field.iter_mut().zip(name) {
        *to = *from;
    }
    name.len() <= field.len()
}
