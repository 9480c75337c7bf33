//! An archive that is made while it is read, and so can be read only once.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

/// As much of the start as the guard looks at before it begins.
const START: u64 = 512;

/// Gives its start again, and goes ahead by reading on.
pub(crate) struct Once<R> {
    start: Cursor<Vec<u8>>,
    rest: R,
}

pub(crate) fn once<R: Read>(rest: R) -> Once<R> {
    Once { start: Cursor::new(Vec::new()), rest }
}

impl<R: Read> Read for Once<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let again = self.start.read(into)?;
        if again > 0 {
            return Ok(again);
        }
        let count = self.rest.read(into)?;
        if self.start.position() < START {
            self.start.get_mut().extend_from_slice(&into[..count]);
            self.start.seek(SeekFrom::End(0))?;
        }
        Ok(count)
    }
}

impl<R: Read> Seek for Once<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(0) if self.start.position() <= START => self.start.rewind().map(|()| 0),
            SeekFrom::Current(count) => {
                let count = u64::try_from(count).unwrap();
                io::copy(&mut self.take(count), &mut io::sink())
            }
            SeekFrom::Start(_) | SeekFrom::End(_) => Err(io::Error::other("read only once")),
        }
    }
}

/// What a test sends: bytes, or an archive that is made while it is read.
pub(crate) trait Sent {
    fn sent(self) -> impl Read + Seek;
}

impl Sent for &[u8] {
    fn sent(self) -> impl Read + Seek {
        Cursor::new(self)
    }
}

impl<R: Read> Sent for Once<R> {
    fn sent(self) -> impl Read + Seek {
        self
    }
}
