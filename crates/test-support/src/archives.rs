//! Archives as an enemy, or an accident, would send them: each made by code, so that a test
//! shows what is wrong with it and no binary lies in the repository.
//!
//! The small ones are bytes. The large ones are readers that make their bytes while they
//! are read: 10 GiB of zeros take ten megabytes of gzip and no memory.

use std::io::{self, Read, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// The Dockerfile in all of these that have one.
pub const DOCKERFILE: &[u8] = b"FROM scratch\nCOPY . /\n";

/// An archive that is to be refused.
pub struct Refused {
    /// What is wrong with it.
    pub name: &'static str,
    /// The archive.
    pub bytes: Vec<u8>,
    /// The reason of the failure, as on the wire.
    pub reason: &'static str,
}

/// One of each small archive that is to be refused.
#[must_use]
pub fn refused() -> Vec<Refused> {
    let of = |reason, samples: Vec<(&'static str, Vec<u8>)>| {
        samples.into_iter().map(move |(name, bytes)| Refused { name, bytes, reason })
    };
    of(
        "context_unsafe",
        vec![
            ("parent traversal", parent_traversal()),
            ("absolute path", absolute_path()),
            ("symlink out", symlink_out()),
            ("absolute symlink", absolute_symlink()),
            ("symlink, then a file behind it", behind_symlink()),
            ("hard link out", hard_link_out()),
            ("hard link to a symlink, out", hard_link_to_symlink_out()),
            ("symlink out by way of another", winding_symlink_out()),
            ("device", device()),
            ("named pipe", named_pipe()),
        ],
    )
    .chain(of(
        "context_truncated",
        vec![
            ("tar cut in a file", truncated()),
            ("tar cut between two files", cut_between_entries()),
            ("gzip cut", truncated_gzip()),
        ],
    ))
    .chain(of(
        "context_not_an_archive",
        vec![
            ("nothing", Vec::new()),
            ("random bytes", random_bytes(100_000)),
            ("zip", zip()),
            ("text", DOCKERFILE.to_vec()),
        ],
    ))
    .chain(of("dockerfile_missing", vec![("no Dockerfile", no_dockerfile())]))
    .collect()
}

/// A good archive: a Dockerfile, a folder, an executable, a symlink and a hard link inside.
#[must_use]
pub fn honest() -> Vec<u8> {
    Tar::with_dockerfile()
        .folder("app")
        .entry(EntryType::Regular, b"app/run.sh", b"", b"#!/bin/sh\necho hello\n", 0o755)
        .symlink("app/latest", "../app/run.sh")
        .hard_link("start", "app/run.sh")
        .end()
}

/// `../../etc/passwd`.
#[must_use]
pub fn parent_traversal() -> Vec<u8> {
    Tar::with_dockerfile().file("../../etc/passwd", b"root::0:0::/:/bin/sh\n").end()
}

/// `/etc/passwd`.
#[must_use]
pub fn absolute_path() -> Vec<u8> {
    Tar::with_dockerfile().file("/etc/passwd", b"root::0:0::/:/bin/sh\n").end()
}

/// A symlink to `../../etc`.
#[must_use]
pub fn symlink_out() -> Vec<u8> {
    Tar::with_dockerfile().symlink("etc", "../../etc").end()
}

/// A symlink to `/etc/passwd`.
#[must_use]
pub fn absolute_symlink() -> Vec<u8> {
    Tar::with_dockerfile().symlink("passwd", "/etc/passwd").end()
}

/// A symlink that stays inside, and then a file that would be written through it.
#[must_use]
pub fn behind_symlink() -> Vec<u8> {
    Tar::with_dockerfile()
        .folder("real")
        .symlink("link", "real")
        .file("link/file", b"where am I?\n")
        .end()
}

/// A hard link to `../../etc/passwd`.
#[must_use]
pub fn hard_link_out() -> Vec<u8> {
    Tar::with_dockerfile().hard_link("passwd", "../../etc/passwd").end()
}

/// A symlink that stays inside, and a hard link to it from where it does not.
#[must_use]
pub fn hard_link_to_symlink_out() -> Vec<u8> {
    Tar::with_dockerfile().symlink("a/b/up", "../../top").hard_link("up", "a/b/up").end()
}

/// A symlink whose `..` comes after another symlink and so leads elsewhere than it reads.
#[must_use]
pub fn winding_symlink_out() -> Vec<u8> {
    Tar::with_dockerfile()
        .symlink("out", "a/b/up/../../etc")
        .symlink("a/b/up", "../../top")
        .folder("top")
        .end()
}

/// A block device, such as the host's disk.
#[must_use]
pub fn device() -> Vec<u8> {
    Tar::with_dockerfile().entry(EntryType::Block, b"disk", b"", b"", 0o666).end()
}

/// A named pipe, which a reader waits for forever.
#[must_use]
pub fn named_pipe() -> Vec<u8> {
    Tar::with_dockerfile().entry(EntryType::Fifo, b"pipe", b"", b"", 0o666).end()
}

/// A tar that ends within a file.
#[must_use]
pub fn truncated() -> Vec<u8> {
    let mut tar = Tar::with_dockerfile().file("data", &random_bytes(10_000)).end();
    tar.truncate(6_000);
    tar
}

/// A tar that ends right before the header of its next file.
#[must_use]
pub fn cut_between_entries() -> Vec<u8> {
    Tar::with_dockerfile().file("data", &random_bytes(10_000)).without_end()
}

/// The first half of a gzip.
#[must_use]
pub fn truncated_gzip() -> Vec<u8> {
    let mut gzip = gzip(&Tar::with_dockerfile().file("data", &random_bytes(100_000)).end());
    gzip.truncate(gzip.len() / 2);
    gzip
}

/// Bytes without meaning, the same ones each time.
#[must_use]
pub fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        // xorshift64: good enough to be neither a header nor compressible.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

/// How a zip file begins.
#[must_use]
pub fn zip() -> Vec<u8> {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend_from_slice(&random_bytes(2_000));
    bytes
}

/// A good tar with the Dockerfile elsewhere.
#[must_use]
pub fn no_dockerfile() -> Vec<u8> {
    Tar::default().file("docker/Dockerfile", DOCKERFILE).file("main.c", b"").end()
}

/// A tar of so many entries, the Dockerfile among them.
#[must_use]
pub fn entries(count: u64) -> Made {
    let files =
        (1..count).map(|number| Tar::default().file(&format!("f{number}"), b"").without_end());
    Made::of(
        std::iter::once(Tar::with_dockerfile().without_end())
            .chain(files)
            .chain(std::iter::once(END.to_vec()))
            .map(Bytes::from),
    )
}

/// A tar with a Dockerfile and a file of so many bytes that no compression makes smaller.
#[must_use]
pub fn incompressible(bytes: u64) -> Made {
    let piece = Bytes::from(random_bytes(1 << 20));
    Made::of(large_file(bytes, piece))
}

/// A gzip with a Dockerfile and a file of so many zeros: a thousandth of it in size.
#[must_use]
pub fn zeros_in_gzip(bytes: u64) -> Made {
    const PIECE: usize = 16 << 20;
    let whole = Bytes::from(gzip(&vec![0; PIECE]));
    // A gzip may have many members. The one with the zeros is packed once and used often.
    Made::of(large_file(bytes, Bytes::from(vec![0; PIECE])).map(move |piece| {
        if piece.len() == PIECE { whole.clone() } else { Bytes::from(gzip(&piece)) }
    }))
}

/// The same bytes in gzip.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Nothing fails that is written to memory.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

fn large_file(bytes: u64, piece: Bytes) -> impl Iterator<Item = Bytes> + Send {
    let start = Tar::with_dockerfile().header(EntryType::Regular, b"large", b"", bytes, 0o644);
    let length = piece.len() as u64;
    let rest = usize::try_from(bytes % length).unwrap_or_default();
    let mut end = piece.slice(..rest).to_vec();
    end.resize(rest.next_multiple_of(BLOCK), 0);
    end.extend_from_slice(&END);
    std::iter::once(Bytes::from(start.without_end()))
        .chain((0..bytes / length).map(move |_| piece.clone()))
        .chain(std::iter::once(Bytes::from(end)))
}

/// A reader whose bytes are made while it is read.
pub struct Made {
    pieces: Box<dyn Iterator<Item = Bytes> + Send>,
    piece: Bytes,
}

impl Made {
    fn of(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self { pieces: Box::new(pieces), piece: Bytes::new() }
    }
}

/// For a test that sends it over the wire.
impl Iterator for Made {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.piece.is_empty() {
            self.pieces.next()
        } else {
            Some(std::mem::take(&mut self.piece))
        }
    }
}

impl Read for Made {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.next() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(into.len());
        into[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}

const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

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
