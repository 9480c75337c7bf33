//! The archive as plain bytes: decompressed, counted, and stopped at the limits.
//!
//! The limits sit here, below everything that gives the bytes a meaning, so that no header,
//! padding or trailing rubbish can make the worker unpack more than it counted.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

use super::format::Compression;
use super::members::{Decoder, wants_memory};
use crate::ContextLimits;

/// Plain bytes held at a time; whole slices of it go to the output without a further copy.
const PLAIN_BUFFER: usize = 256 << 10;

/// Size of everything in a tar: headers come in one block, data in whole blocks.
pub(crate) const BLOCK: usize = 512;

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum InputError {
    /// The archive, or the compression around it, ends where more was due.
    Cut,
    /// The compression is damaged.
    Damaged(Compression),
    /// The decompressor would need more memory than it gets.
    WantsMemory(Compression),
    /// More bytes than this limit.
    TooLarge(u64),
    /// More bytes than the compressed ones can honestly stand for.
    TooDense {
        /// Uncompressed bytes so far.
        unpacked: u64,
        /// Compressed bytes so far.
        packed: u64,
    },
    /// The archive cannot be read from where it is stored.
    Failed(io::Error),
}

/// How much of a block there was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filled {
    Whole,
    Part,
    Nothing,
}

pub(super) struct Input<R: Read> {
    plain: BufReader<Plain<R>>,
    tally: Rc<Tally>,
    limits: ContextLimits,
    /// Bytes that came out of the decompressor, buffered ones included.
    unpacked: u64,
    compression: Option<Compression>,
}

impl<R: Read + Seek> Input<R> {
    pub(super) fn open(
        archive: R,
        compression: Option<Compression>,
        limits: ContextLimits,
    ) -> Result<Self, InputError> {
        let tally = Rc::new(Tally::default());
        let counted = Counted { inner: archive, tally: Rc::clone(&tally) };
        let plain = match compression {
            None => Plain::Plain(counted),
            Some(kind) => {
                let decoder = Decoder::new(kind, counted).map_err(InputError::Failed)?;
                Plain::Packed(Box::new(decoder))
            }
        };
        let plain = BufReader::with_capacity(PLAIN_BUFFER, plain);
        Ok(Self { plain, tally, limits, unpacked: 0, compression })
    }

    pub(super) const fn limits(&self) -> &ContextLimits {
        &self.limits
    }

    pub(super) const fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// Bytes of the archive as it is stored, so far.
    pub(super) fn packed(&self) -> u64 {
        self.tally.bytes.get()
    }

    /// Bytes of the uncompressed archive that were consumed.
    pub(super) fn position(&self) -> u64 {
        self.unpacked - self.plain.buffer().len() as u64
    }

    /// Bytes that the limit leaves after those consumed.
    pub(super) fn allowance(&self) -> u64 {
        self.limits.bytes.saturating_sub(self.position())
    }

    /// The bytes at hand; none at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8], InputError> {
        if self.plain.buffer().is_empty() {
            let got = match self.plain.fill_buf() {
                Ok(bytes) => bytes.len() as u64,
                Err(error) => return Err(self.explain(error)),
            };
            self.unpacked += got;
            self.check_limits()?;
        }
        Ok(self.plain.buffer())
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.plain.consume(count);
    }

    pub(super) fn read_block(&mut self, block: &mut [u8; BLOCK]) -> Result<Filled, InputError> {
        let mut filled = 0;
        while filled < BLOCK {
            let bytes = self.fill()?;
            let count = bytes.len().min(BLOCK - filled);
            if count == 0 {
                return Ok(if filled == 0 { Filled::Nothing } else { Filled::Part });
            }
            block[filled..filled + count].copy_from_slice(&bytes[..count]);
            self.consume(count);
            filled += count;
        }
        Ok(Filled::Whole)
    }

    /// Reads exactly `count` bytes of an extension. The caller has bounded `count`.
    pub(super) fn read_vec(&mut self, count: usize) -> Result<Vec<u8>, InputError> {
        let mut collected = Vec::with_capacity(count);
        while collected.len() < count {
            let bytes = self.fill()?;
            let take = bytes.len().min(count - collected.len());
            if take == 0 {
                return Err(InputError::Cut);
            }
            collected.extend_from_slice(&bytes[..take]);
            self.consume(take);
        }
        Ok(collected)
    }

    pub(super) fn skip(&mut self, mut count: u64) -> Result<(), InputError> {
        if count > PLAIN_BUFFER as u64 {
            count -= self.leap(count)?;
        }
        while count > 0 {
            let got = self.fill()?.len();
            if got == 0 {
                return Err(InputError::Cut);
            }
            let step = usize::try_from(count).map_or(got, |count| count.min(got));
            self.consume(step);
            count -= step as u64;
        }
        Ok(())
    }

    /// Goes over bytes of a plain archive without reading them; how many it went over. One
    /// that ends within them is found to when the next header is not there.
    fn leap(&mut self, count: u64) -> Result<u64, InputError> {
        let buffered = self.plain.buffer().len() as u64;
        let ahead = count.saturating_sub(buffered);
        let (Plain::Plain(archive), Ok(offset)) = (self.plain.get_mut(), i64::try_from(ahead))
        else {
            return Ok(0);
        };
        archive.inner.seek(SeekFrom::Current(offset)).map_err(InputError::Failed)?;
        self.plain.consume(usize::try_from(buffered).unwrap_or(usize::MAX));
        self.unpacked = self.unpacked.saturating_add(ahead);
        self.tally.bytes.set(self.tally.bytes.get().saturating_add(ahead));
        self.check_limits()?;
        Ok(count)
    }

    fn check_limits(&self) -> Result<(), InputError> {
        let packed = self.packed();
        // Packed bytes count too: members that hold nothing cost time all the same.
        if self.unpacked > self.limits.bytes
            || (self.compression.is_some() && packed > self.limits.bytes)
        {
            return Err(InputError::TooLarge(self.limits.bytes));
        }
        if self.compression.is_some() && self.unpacked > self.limits.honest(packed) {
            return Err(InputError::TooDense { unpacked: self.unpacked, packed });
        }
        Ok(())
    }

    /// Tells the sender's broken compression from our own trouble with reading it.
    fn explain(&self, error: io::Error) -> InputError {
        match (self.tally.failure.borrow_mut().take(), self.compression) {
            (Some(failure), _) => InputError::Failed(failure),
            (None, None) => InputError::Failed(error),
            (None, Some(_)) if error.kind() == io::ErrorKind::UnexpectedEof => InputError::Cut,
            (None, Some(kind)) if wants_memory(&error) => InputError::WantsMemory(kind),
            (None, Some(kind)) => InputError::Damaged(kind),
        }
    }
}

/// What happened at the very bottom, where the decoders above cannot blur it.
#[derive(Default)]
struct Tally {
    bytes: Cell<u64>,
    failure: RefCell<Option<io::Error>>,
}

struct Counted<R> {
    inner: R,
    tally: Rc<Tally>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(into) {
                Ok(count) => {
                    self.tally.bytes.set(self.tally.bytes.get() + count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let kind = error.kind();
                    *self.tally.failure.borrow_mut() = Some(error);
                    return Err(kind.into());
                }
            }
        }
    }
}

enum Plain<R: Read> {
    Plain(Counted<R>),
    Packed(Box<Decoder<Counted<R>>>),
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(into),
            Self::Packed(decoder) => decoder.read(into),
        }
    }
}
