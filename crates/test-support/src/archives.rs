//! Archives as an enemy, or an accident, would send them: each made by code, so that a test
//! shows what is wrong with it and no binary lies in the repository.
//!
//! The small ones are bytes. The large ones are readers that make their bytes while they
//! are read: 10 GiB of zeros take ten megabytes of gzip and no memory.

mod by_hand;
mod large;

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::EntryType;

pub use by_hand::Tar;
pub use large::{Made, entries, incompressible, zeros_in_gzip};

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
            ("zip cut", truncated_zip()),
        ],
    ))
    .chain(of(
        "context_not_an_archive",
        vec![
            ("nothing", Vec::new()),
            ("random bytes", random_bytes(100_000)),
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
pub fn truncated_zip() -> Vec<u8> {
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend_from_slice(&random_bytes(2_000));
    bytes
}

/// A good tar with the Dockerfile elsewhere.
#[must_use]
pub fn no_dockerfile() -> Vec<u8> {
    Tar::default().file("docker/Dockerfile", DOCKERFILE).file("main.c", b"").end()
}

/// The same bytes in gzip.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Nothing fails that is written to memory.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
