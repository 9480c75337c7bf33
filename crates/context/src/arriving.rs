//! An archive that is read while it still comes.
//!
//! What has come is on the disk; whoever reads faster than it comes waits. Its end is found
//! only when whoever puts it down has said that it is good: a checksum is known at the last
//! byte, and a guard that finds no end writes none.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::pin::pin;

use futures::future::{BoxFuture, Either, select};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::stream::Unwanted;

/// How much of an archive is there.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Arrived {
    pub(crate) bytes: u64,
    /// And is all of it.
    pub(crate) is_all: bool,
}

/// Reads what a [`Spool`](crate::Spool) has taken so far, and waits for more. To be read on a
/// blocking thread of a tokio runtime. When the spool is dropped before its end was let go,
/// reading fails.
pub struct Arriving {
    /// Read at places: others have a place of their own in it.
    file: File,
    at: u64,
    arrived: watch::Receiver<Arrived>,
    given_up: Option<BoxFuture<'static, ()>>,
}

impl Arriving {
    pub(crate) const fn new(file: File, arrived: watch::Receiver<Arrived>) -> Self {
        Self { file, at: 0, arrived, given_up: None }
    }

    /// Lets reading fail as soon as `given_up` comes true, also while it waits.
    pub(crate) fn until(self, given_up: BoxFuture<'static, ()>) -> Self {
        Self { given_up: Some(given_up), ..self }
    }

    /// Waits for what is behind the first `bytes` bytes, or for the end.
    fn wait(&mut self, bytes: u64) -> io::Result<Arrived> {
        let unwanted = || io::Error::other(Unwanted);
        let enough = |arrived: &Arrived| arrived.is_all || arrived.bytes > bytes;
        let Some(given_up) = &mut self.given_up else {
            let arrived = Handle::current().block_on(self.arrived.wait_for(enough));
            return arrived.map(|arrived| *arrived).map_err(|_| unwanted());
        };
        let waiting = pin!(self.arrived.wait_for(enough));
        match Handle::current().block_on(select(given_up, waiting)) {
            Either::Left(((), _)) => {
                // Whoever reads on after that fails again.
                self.given_up = Some(Box::pin(std::future::ready(())));
                Err(unwanted())
            }
            Either::Right((arrived, _)) => arrived.map(|arrived| *arrived).map_err(|_| unwanted()),
        }
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let there = self.wait(self.at)?.bytes.saturating_sub(self.at);
        let most = usize::try_from(there).map_or(into.len(), |there| there.min(into.len()));
        let count = self.file.read_at(&mut into[..most], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Arriving {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            // A zip begins at its end.
            SeekFrom::End(by) => self.wait(u64::MAX)?.bytes.checked_add_signed(by),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
