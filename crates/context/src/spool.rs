//! An archive that comes as a stream, put down where it can be read twice.
//!
//! A zip begins at its end, some questions are answered only by a first look at everything,
//! and a checksum is known when the last byte is there. Who cannot wait for that reads it as
//! it comes ([`Arriving`]), and finds its end when it is known to be good. Of a large one that
//! is read so, the beginning alone is kept: to write gigabytes to a disk and to read them back
//! takes as long as to send them.

use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use slipway_domain::{Failure, Reason};
use thiserror::Error;
use tokio::sync::watch;

use crate::arriving::{Arrived, Arriving};
use crate::backlog::Backlog;
use crate::show::size;

/// Bytes after which those who read along are told. A thread is woken each time.
const TOLD_EVERY: u64 = 128 << 10;

/// A file without a name that takes so many bytes and no more. It is gone when it is
/// dropped, or when the process is.
pub struct Spool {
    file: File,
    hash: Option<Sha256>,
    bytes: u64,
    most: u64,
    arrived: watch::Sender<Arrived>,
    backlog: Backlog,
}

/// What was put down.
#[derive(Debug)]
pub struct Spooled {
    /// The bytes, from the first; `None` where they were passed on and not kept.
    pub file: Option<File>,
    /// How many.
    pub bytes: u64,
    /// Their SHA-256, where it was asked for.
    pub sha256: Option<[u8; 32]>,
    arrived: watch::Sender<Arrived>,
}

/// Why an archive could not be put down.
#[derive(Debug, Error)]
pub enum SpoolError {
    /// It has more bytes than it may.
    #[error("more than {0} bytes")]
    TooLarge(u64),
    /// The disk has no room for it.
    #[error("the disk is full")]
    Full(#[source] io::Error),
    /// The folder cannot be written to.
    #[error("the spool folder cannot be written to")]
    Failed(#[source] io::Error),
}

impl Spool {
    /// Makes an empty file in `folder` for `most` bytes.
    ///
    /// # Errors
    /// When the folder takes none.
    pub fn new(folder: &Path, most: u64) -> Result<Self, SpoolError> {
        let file = tempfile::tempfile_in(folder).map_err(sort)?;
        let (arrived, backlog) = (watch::Sender::default(), Backlog::default());
        Ok(Self { file, hash: None, bytes: 0, most, arrived, backlog })
    }

    /// Reads it from the start, while it is put down and after.
    ///
    /// # Errors
    /// When the process has no room for another open file.
    pub fn arriving(&self) -> Result<Arriving, SpoolError> {
        let file = self.file.try_clone().map_err(sort)?;
        Ok(Arriving::new(file, self.arrived.subscribe(), self.backlog.clone()))
    }

    /// The same, with the SHA-256 of what is put down: to sum up gigabytes takes seconds.
    #[must_use]
    pub fn hashing(self) -> Self {
        Self { hash: Some(Sha256::new()), ..self }
    }

    /// Adds bytes. Blocks for as long as the disk does, and for a moment where they are passed
    /// on to a reader who has enough.
    ///
    /// # Errors
    /// When they are too many, or the disk does not take them.
    pub fn write(&mut self, piece: impl Into<Bytes>) -> Result<(), SpoolError> {
        let piece = piece.into();
        let at = self.bytes;
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > self.most {
            return Err(SpoolError::TooLarge(self.most));
        }
        if piece.is_empty() {
            return Ok(());
        }
        if let Some(hash) = &mut self.hash {
            hash.update(&piece);
        }
        if self.backlog.keeps(at) {
            self.file.write_all(&piece).map_err(sort)?;
        } else {
            self.pass_on(&piece, at)?;
        }
        self.tell(self.bytes, TOLD_EVERY);
        Ok(())
    }

    fn pass_on(&self, piece: &Bytes, at: u64) -> Result<(), SpoolError> {
        while !self.backlog.offer(piece, at) {
            // Who is to make room has to know of all that there is.
            self.tell(at, 1);
            if !self.backlog.wait() {
                return self.backlog.put(piece, &self.file).map_err(sort);
            }
        }
        Ok(())
    }

    /// Tells those who read along how much there is, when there are so many bytes to tell of.
    fn tell(&self, bytes: u64, due: u64) {
        self.arrived.send_if_modified(|arrived| {
            let is_due = bytes - arrived.bytes >= due;
            if is_due {
                arrived.bytes = bytes;
            }
            is_due
        });
    }

    /// The whole of it, to be read from the start, if it was kept.
    ///
    /// # Errors
    /// When the file cannot be rewound.
    pub fn finish(mut self) -> Result<Spooled, SpoolError> {
        self.file.rewind().map_err(sort)?;
        let sha256 = self.hash.map(|hash| hash.finalize().into());
        let file = self.backlog.is_whole().then_some(self.file);
        Ok(Spooled { file, bytes: self.bytes, sha256, arrived: self.arrived })
    }
}

impl Spooled {
    /// Lets those who read along find the end: it is what it should be.
    pub fn let_end(&self) {
        self.arrived.send_replace(Arrived { bytes: self.bytes, is_all: true });
    }
}

fn sort(error: io::Error) -> SpoolError {
    if [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&error.kind()) {
        SpoolError::Full(error)
    } else {
        SpoolError::Failed(error)
    }
}

impl From<SpoolError> for Failure {
    fn from(error: SpoolError) -> Self {
        if let SpoolError::TooLarge(limit) = error {
            let message = format!("the archive has more than {}", size(limit));
            return Self::new(Reason::ContextTooLarge, message)
                .hint("leave out what the build does not need; the limit is context_bytes");
        }
        tracing::error!(error = &error as &dyn std::error::Error, "an archive cannot be kept");
        let message = match error {
            SpoolError::Full(_) => "the worker's disk has no room for the archive",
            SpoolError::TooLarge(_) | SpoolError::Failed(_) => "the archive could not be kept",
        };
        Self::new(Reason::Internal, message).hint("try again; the worker's log has the cause")
    }
}
