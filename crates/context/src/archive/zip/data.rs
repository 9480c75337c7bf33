//! The data of one file in a zip: unpacked, counted, and checked at its end.

use std::io::{self, BufRead, BufReader, Read, Seek};
use std::rc::Rc;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, Crc32, ZipFileHeaderRecord, ZipReader};

use super::watched::{Tally, Watched};
use crate::archive::{Data, InputError};
use crate::{ContextError, ContextLimits, refuse};

/// Bytes held at a time, packed and unpacked.
const BUFFER: usize = 64 << 10;

/// How a file is packed. Of the ways that the format has, these two are in use.
#[derive(Debug, Clone, Copy)]
pub(super) enum Packing {
    Stored,
    Deflated,
}

impl Packing {
    pub(super) fn of(listed: &ZipFileHeaderRecord<'_>, name: &[u8]) -> Result<Self, ContextError> {
        match listed.compression_method() {
            CompressionMethod::STORE => Ok(Self::Stored),
            CompressionMethod::DEFLATE => Ok(Self::Deflated),
            other => Err(refuse::zip_method(name, other.name().unwrap_or("an unknown method"))),
        }
    }

    pub(super) fn open<R: Read + Seek>(self, packed: Packed<'_, R>) -> Unpacker<'_, R> {
        match self {
            Self::Stored => Unpacker::Stored(packed),
            Self::Deflated => {
                let buffered = BufReader::with_capacity(BUFFER, packed);
                Unpacker::Deflated(Box::new(DeflateDecoder::new(buffered)))
            }
        }
    }
}

type Packed<'a, R> = ZipReader<&'a Watched<R>>;

pub(super) enum Unpacker<'a, R: Read + Seek> {
    Stored(Packed<'a, R>),
    Deflated(Box<DeflateDecoder<BufReader<Packed<'a, R>>>>),
}

impl<R: Read + Seek> Read for Unpacker<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(packed) => packed.read(into),
            Self::Deflated(decoder) => decoder.read(into),
        }
    }
}

pub(super) struct ZipData<'a, R: Read + Seek> {
    plain: BufReader<Unpacker<'a, R>>,
    name: Vec<u8>,
    /// Bytes that are still due.
    left: u64,
    crc: Crc32,
    expected_crc: u32,
    limits: ContextLimits,
    tally: Rc<Tally>,
    /// Bytes unpacked of all files so far.
    unpacked: &'a mut u64,
}

impl<'a, R: Read + Seek> ZipData<'a, R> {
    pub(super) fn new(
        unpacker: Unpacker<'a, R>,
        listed: &ZipFileHeaderRecord<'_>,
        name: Vec<u8>,
        limits: ContextLimits,
        tally: Rc<Tally>,
        unpacked: &'a mut u64,
    ) -> Self {
        Self {
            plain: BufReader::with_capacity(BUFFER, unpacker),
            name,
            left: listed.uncompressed_size_hint(),
            crc: Crc32::new(),
            expected_crc: listed.crc32(),
            limits,
            tally,
            unpacked,
        }
    }

    fn read_more(&mut self) -> Result<(), ContextError> {
        let bytes = match self.plain.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) => return Err(self.explain(&error)),
        };
        let count = bytes.len() as u64;
        self.crc.update(bytes);
        *self.unpacked += count;
        if count > self.left || (count == 0 && self.left > 0) {
            return Err(refuse::zip_size(&self.name));
        }
        if count == 0 && self.crc.checksum() != self.expected_crc {
            return Err(refuse::zip_checksum(&self.name));
        }
        self.check_limits()
    }

    fn check_limits(&self) -> Result<(), ContextError> {
        let (unpacked, packed) = (*self.unpacked, self.tally.packed());
        let error = if unpacked > self.limits.bytes {
            InputError::TooLarge(self.limits.bytes)
        } else if unpacked > self.limits.honest(packed) {
            InputError::TooDense { unpacked, packed }
        } else {
            return Ok(());
        };
        Err(refuse::input(error, Some(&self.name)))
    }

    fn explain(&self, error: &io::Error) -> ContextError {
        match self.tally.take_failure() {
            Some(failure) => refuse::input(InputError::Failed(failure), Some(&self.name)),
            None if error.kind() == io::ErrorKind::UnexpectedEof => refuse::zip_size(&self.name),
            None => refuse::zip_checksum(&self.name),
        }
    }
}

impl<R: Read + Seek> Data for ZipData<'_, R> {
    fn fill(&mut self) -> Result<&[u8], ContextError> {
        if self.plain.buffer().is_empty() {
            self.read_more()?;
        }
        Ok(self.plain.buffer())
    }

    fn consume(&mut self, count: usize) {
        self.left -= count as u64;
        self.plain.consume(count);
    }
}
