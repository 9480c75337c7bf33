//! The decompressors, and what may stand behind one another in their files.
//!
//! Each takes what its own tool takes. gzip and bzip2 go on with the next member and ignore
//! whatever else follows the last one: some writers pad to a block. xz takes whole words of
//! zeros, zstd nothing.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use super::format::Compression;

/// Compressed bytes read at a time.
const BUFFER: usize = 64 << 10;
/// Memory that a decompressor may want for what it has to remember: that of `zstd --ultra -22`,
/// and twice that of `xz -9`. The archive names the amount, up to gigabytes.
pub(crate) const MOST_MEMORY: u64 = 128 << 20;
const ZSTD_WINDOW_LOG: u32 = MOST_MEMORY.trailing_zeros();

pub(super) enum Decoder<R: Read> {
    Gzip(Box<Members<GzDecoder<Ahead<R>>>>),
    Bzip2(Members<BzDecoder<Ahead<R>>>),
    Xz(Box<XzReader<BufReader<R>>>),
    Zstd(Box<zstd::Decoder<'static, BufReader<R>>>),
}

impl<R: Read> Decoder<R> {
    pub(super) fn new(compression: Compression, compressed: R) -> io::Result<Self> {
        let buffered = BufReader::with_capacity(BUFFER, compressed);
        Ok(match compression {
            Compression::Gzip => Self::Gzip(Box::new(Members::new(Ahead::new(buffered)))),
            Compression::Bzip2 => Self::Bzip2(Members::new(Ahead::new(buffered))),
            Compression::Xz => {
                let kib = u32::try_from(MOST_MEMORY >> 10).unwrap_or(u32::MAX);
                Self::Xz(Box::new(XzReader::new_mem_limit(buffered, true, kib)))
            }
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(buffered)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(members) => members.read(into),
            Self::Bzip2(members) => members.read(into),
            Self::Xz(decoder) => decoder.read(into),
            Self::Zstd(decoder) => decoder.read(into),
        }
    }
}

/// Whether a decompressor gave up because it was not given enough memory.
pub(super) fn wants_memory(error: &io::Error) -> bool {
    // zstd's errors are texts.
    error.kind() == io::ErrorKind::OutOfMemory || error.to_string().contains("too much memory")
}

/// A decompressor for one member of a file.
pub(super) trait Member: Read + Sized {
    type Compressed: Read;

    fn of(compressed: Ahead<Self::Compressed>) -> Self;
    fn into_compressed(self) -> Ahead<Self::Compressed>;
    /// Whether another one begins so. Of a start that was cut, that it could.
    fn begins(start: &[u8]) -> bool;
}

impl<R: Read> Member for GzDecoder<Ahead<R>> {
    type Compressed = R;

    fn of(compressed: Ahead<R>) -> Self {
        Self::new(compressed)
    }

    fn into_compressed(self) -> Ahead<R> {
        self.into_inner()
    }

    fn begins(start: &[u8]) -> bool {
        !start.is_empty() && start.iter().zip(b"\x1f\x8b").all(|(got, magic)| got == magic)
    }
}

impl<R: Read> Member for BzDecoder<Ahead<R>> {
    type Compressed = R;

    fn of(compressed: Ahead<R>) -> Self {
        Self::new(compressed)
    }

    fn into_compressed(self) -> Ahead<R> {
        self.into_inner()
    }

    fn begins(start: &[u8]) -> bool {
        !start.is_empty() && start.iter().zip(b"BZh").all(|(got, magic)| got == magic)
    }
}

/// All members of a file.
pub(super) struct Members<M> {
    member: Option<M>,
}

impl<M: Member> Members<M> {
    fn new(compressed: Ahead<M::Compressed>) -> Self {
        Self { member: Some(M::of(compressed)) }
    }
}

impl<M: Member> Read for Members<M> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            if let Some(mut rest) = self.member.take().map(Member::into_compressed)
                && M::begins(rest.look()?)
            {
                self.member = Some(M::of(rest));
            }
        }
        Ok(0)
    }
}

/// A reader whose next bytes can be looked at, wherever its buffer ends.
pub(super) struct Ahead<R> {
    seen: Cursor<Vec<u8>>,
    rest: BufReader<R>,
}

impl<R: Read> Ahead<R> {
    /// The longest magic of a member.
    const LOOK: u64 = 3;

    const fn new(rest: BufReader<R>) -> Self {
        Self { seen: Cursor::new(Vec::new()), rest }
    }

    /// The next bytes, fewer at the end.
    fn look(&mut self) -> io::Result<&[u8]> {
        let mut next = Vec::new();
        self.by_ref().take(Self::LOOK).read_to_end(&mut next)?;
        self.seen = Cursor::new(next);
        Ok(self.seen.get_ref())
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.seen.fill_buf()?.is_empty() { self.rest.fill_buf() } else { self.seen.fill_buf() }
    }

    fn consume(&mut self, count: usize) {
        if self.seen.fill_buf().is_ok_and(<[u8]>::is_empty) {
            self.rest.consume(count);
        } else {
            self.seen.consume(count);
        }
    }
}
