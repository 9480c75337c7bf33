//! Tar headers written field by field, whatever they say.

use tar::{EntryType, Header};

use super::DOCKERFILE;

/// Size of everything in a tar.
pub(super) const BLOCK: usize = 512;
/// The end mark.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// A tar in the making that takes any name, type and size, true or not.
#[derive(Default, Clone)]
pub struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    /// One that begins with a Dockerfile.
    #[must_use]
    pub fn with_dockerfile() -> Self {
        Self::default().file("Dockerfile", DOCKERFILE)
    }

    /// A file.
    #[must_use]
    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(EntryType::Regular, name.as_bytes(), b"", data, 0o644)
    }

    /// A folder.
    #[must_use]
    pub fn folder(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name.as_bytes(), b"", b"", 0o755)
    }

    /// A symlink.
    #[must_use]
    pub fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name.as_bytes(), target.as_bytes(), b"", 0o777)
    }

    /// A hard link.
    #[must_use]
    pub fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name.as_bytes(), target.as_bytes(), b"", 0o644)
    }

    /// Pax records for the entry after them.
    #[must_use]
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut data = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length += 1;
            }
            data.extend_from_slice(format!("{length} {key}=").as_bytes());
            data.extend_from_slice(value);
            data.push(b'\n');
        }
        self.entry(EntryType::XHeader, b"PaxHeaders/x", b"", &data, 0o644)
    }

    /// An entry of any type. A name over 100 bytes goes into an entry of its own before it.
    #[must_use]
    pub fn entry(
        mut self,
        kind: EntryType,
        name: &[u8],
        target: &[u8],
        data: &[u8],
        mode: u32,
    ) -> Self {
        for (kind, long) in [(EntryType::GNULongName, name), (EntryType::GNULongLink, target)] {
            if long.len() > 100 {
                self = self.header(kind, b"././@LongLink", b"", long.len() as u64, 0).data(long);
            }
        }
        self.header(kind, name, target, data.len() as u64, mode).data(data)
    }

    /// A header alone, whatever follows it.
    #[must_use]
    pub fn header(
        mut self,
        kind: EntryType,
        name: &[u8],
        target: &[u8],
        size: u64,
        mode: u32,
    ) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(1_700_000_000);
        let fields = header.as_old_mut();
        for (field, text) in [(&mut fields.name, name), (&mut fields.linkname, target)] {
            let count = text.len().min(field.len());
            field[..count].copy_from_slice(&text[..count]);
        }
        header.set_uid(1000);
        header.set_gid(1000);
        header.set_cksum();
        self.bytes.extend_from_slice(header.as_bytes());
        self
    }

    /// Data, and zeros up to the next block.
    #[must_use]
    pub fn data(mut self, data: &[u8]) -> Self {
        self.bytes.extend_from_slice(data);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
        self
    }

    /// The archive with its end mark.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&END);
        self.bytes
    }

    /// The archive without its end mark.
    #[must_use]
    pub fn without_end(self) -> Vec<u8> {
        self.bytes
    }
}
