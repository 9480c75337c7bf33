//! The file of a zip, read from anywhere, with a note of what was read and what failed.

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use rawzip::ReaderAt;

pub(super) struct Watched<R> {
    inner: RefCell<R>,
    tally: Rc<Tally>,
}

/// What happened at the very bottom, where no library above can blur it.
#[derive(Default)]
pub(super) struct Tally {
    packed: Cell<u64>,
    failure: RefCell<Option<io::Error>>,
}

impl Tally {
    /// Bytes read from the file.
    pub(super) const fn packed(&self) -> u64 {
        self.packed.get()
    }

    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.failure.borrow_mut().take()
    }
}

impl<R: Read + Seek> Watched<R> {
    /// The file and its size.
    pub(super) fn new(mut inner: R) -> io::Result<(Self, u64)> {
        let size = inner.seek(SeekFrom::End(0))?;
        Ok((Self { inner: RefCell::new(inner), tally: Rc::default() }, size))
    }

    pub(super) fn tally(&self) -> Rc<Tally> {
        Rc::clone(&self.tally)
    }

    fn read(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut inner = self.inner.borrow_mut();
        inner.seek(SeekFrom::Start(offset))?;
        loop {
            match inner.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl<R: Read + Seek> ReaderAt for Watched<R> {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        // No file has a byte there, and some would not even look.
        if i64::try_from(offset).is_err() {
            return Ok(0);
        }
        match self.read(into, offset) {
            Ok(count) => {
                self.tally.packed.set(self.tally.packed.get() + count as u64);
                Ok(count)
            }
            Err(error) => {
                let kind = error.kind();
                *self.tally.failure.borrow_mut() = Some(error);
                Err(kind.into())
            }
        }
    }
}
