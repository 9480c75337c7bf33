//! Archives too large to hold, made while they are read.

use std::io::{self, Read};

use bytes::Bytes;
use tar::EntryType;

use super::by_hand::{BLOCK, END, Tar};
use super::{gzip, random_bytes};

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
