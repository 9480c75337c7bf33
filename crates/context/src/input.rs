//! The archive as plain bytes: decompressed, counted, and stopped at the limits.
//!
//! The limits sit here, below everything that gives the bytes a meaning, so that no header,
//! padding or trailing rubbish can make the worker unpack more than it counted.

use std::cell::{Cell, RefCell};
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;

use crate::ContextLimits;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Compressed bytes read at a time.
const COMPRESSED_BUFFER: usize = 64 << 10;
/// Plain bytes held at a time; whole slices of it go to the output without a further copy.
const PLAIN_BUFFER: usize = 256 << 10;

/// Size of everything in a tar: headers come in one block, data in whole blocks.
pub(crate) const BLOCK: usize = 512;

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum InputError {
    /// The archive, or the gzip around it, ends where more was due.
    Cut,
    /// The gzip is damaged.
    Damaged,
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
pub(crate) enum Filled {
    Whole,
    Part,
    Nothing,
}

pub(crate) struct Input<R: Read> {
    plain: BufReader<Plain<R>>,
    tally: Rc<Tally>,
    limits: ContextLimits,
    /// Bytes that came out of the decompressor, buffered ones included.
    unpacked: u64,
    gzip: bool,
}

impl<R: Read> Input<R> {
    pub(crate) fn open(mut archive: R, limits: ContextLimits) -> Result<Self, InputError> {
        let mut first = Vec::with_capacity(GZIP_MAGIC.len());
        (&mut archive)
            .take(GZIP_MAGIC.len() as u64)
            .read_to_end(&mut first)
            .map_err(InputError::Failed)?;
        let gzip = first == GZIP_MAGIC;
        let tally = Rc::new(Tally::default());
        let counted =
            Counted { inner: Cursor::new(first).chain(archive), tally: Rc::clone(&tally) };
        let plain = if gzip {
            Plain::Gzip(Box::new(Gzip::new(BufReader::with_capacity(COMPRESSED_BUFFER, counted))))
        } else {
            Plain::Plain(counted)
        };
        let plain = BufReader::with_capacity(PLAIN_BUFFER, plain);
        Ok(Self { plain, tally, limits, unpacked: 0, gzip })
    }

    /// Bytes of the archive as it is stored, so far.
    pub(crate) fn packed(&self) -> u64 {
        self.tally.bytes.get()
    }

    /// Bytes of the uncompressed archive that were consumed.
    pub(crate) fn position(&self) -> u64 {
        self.unpacked - self.plain.buffer().len() as u64
    }

    /// Bytes that the limit leaves after those consumed.
    pub(crate) fn allowance(&self) -> u64 {
        self.limits.bytes.saturating_sub(self.position())
    }

    /// The bytes at hand; none at the end.
    pub(crate) fn fill(&mut self) -> Result<&[u8], InputError> {
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

    pub(crate) fn consume(&mut self, count: usize) {
        self.plain.consume(count);
    }

    pub(crate) fn read_block(&mut self, block: &mut [u8; BLOCK]) -> Result<Filled, InputError> {
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
    pub(crate) fn read_vec(&mut self, count: usize) -> Result<Vec<u8>, InputError> {
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

    pub(crate) fn skip(&mut self, mut count: u64) -> Result<(), InputError> {
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

    fn check_limits(&self) -> Result<(), InputError> {
        let packed = self.packed();
        // Packed bytes count too: gzip members that hold nothing cost time all the same.
        if self.unpacked > self.limits.bytes || (self.gzip && packed > self.limits.bytes) {
            return Err(InputError::TooLarge(self.limits.bytes));
        }
        let honest = packed
            .saturating_mul(self.limits.ratio)
            .saturating_add(ContextLimits::RATIO_FREE_BYTES);
        if self.gzip && self.unpacked > honest {
            return Err(InputError::TooDense { unpacked: self.unpacked, packed });
        }
        Ok(())
    }

    /// Tells the sender's broken gzip from our own trouble with reading it.
    fn explain(&self, error: io::Error) -> InputError {
        if let Some(failure) = self.tally.failure.borrow_mut().take() {
            InputError::Failed(failure)
        } else if error.kind() == io::ErrorKind::UnexpectedEof {
            InputError::Cut
        } else {
            InputError::Damaged
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
    inner: Chain<Cursor<Vec<u8>>, R>,
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
    Gzip(Box<Gzip<BufReader<Counted<R>>>>),
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(into),
            Self::Gzip(reader) => reader.read(into),
        }
    }
}

/// All members of a gzip. Unlike `MultiGzDecoder`, rubbish after the last one is ignored,
/// as gzip itself does: some writers pad to a block.
struct Gzip<R: BufRead> {
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Gzip<R> {
    fn new(reader: R) -> Self {
        Self { member: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            if let Some(mut rest) = self.member.take().map(GzDecoder::into_inner) {
                let next = rest.fill_buf()?;
                // The second byte may lie beyond the buffer; then the first one decides.
                let seen = next.len().min(GZIP_MAGIC.len());
                if seen > 0 && next.iter().zip(GZIP_MAGIC).all(|(got, magic)| *got == magic) {
                    self.member = Some(GzDecoder::new(rest));
                }
            }
        }
        Ok(0)
    }
}
