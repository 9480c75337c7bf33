//! An archive that is read while it still comes.
//!
//! What has come is on the disk, or was passed on; whoever reads faster than it comes waits.
//! Its end is found only when whoever puts it down has said that it is good: a checksum is
//! known at the last byte, and a guard that finds no end writes none.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::pin::pin;

use bytes::{Buf as _, Bytes};
use futures::future::{BoxFuture, Either, select};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::backlog::{Backlog, Next};
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
    backlog: Backlog,
    /// Whether what comes is passed on, and not kept.
    is_passed: bool,
    /// Passed on, and comes next.
    pieces: VecDeque<Bytes>,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if self.is_passed {
            self.backlog.leave();
        }
    }
}

/// Knows what became of an archive.
pub(crate) struct Fate {
    arrived: watch::Receiver<Arrived>,
    backlog: Backlog,
}

impl Fate {
    /// Whether all that came of it is on the disk.
    pub(crate) fn is_kept(&self) -> bool {
        self.backlog.is_whole()
    }

    /// Whether whoever puts it down has given up.
    pub(crate) fn has_broken_off(&self) -> bool {
        self.arrived.has_changed().is_err() && !self.arrived.borrow().is_all
    }
}

impl Arriving {
    pub(crate) const fn new(
        file: File,
        arrived: watch::Receiver<Arrived>,
        backlog: Backlog,
    ) -> Self {
        let pieces = VecDeque::new();
        Self { file, at: 0, arrived, given_up: None, backlog, is_passed: false, pieces }
    }

    pub(crate) fn fate(&self) -> Fate {
        Fate { arrived: self.arrived.clone(), backlog: self.backlog.clone() }
    }

    /// Lets what is behind the first `keep` bytes come to this reader alone, and not to the
    /// disk. What was read so far can be read again; there is no way back from behind that.
    pub(crate) fn passing_beyond(mut self, keep: u64) -> Self {
        self.backlog.pass_beyond(keep);
        self.is_passed = true;
        self
    }

    /// Lets reading fail as soon as `given_up` comes true, also while it waits.
    pub(crate) fn until(mut self, given_up: BoxFuture<'static, ()>) -> Self {
        self.given_up = Some(given_up);
        self
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

impl Arriving {
    /// Goes on by what is at hand, at most `most` bytes, and puts it into `into` where that is
    /// wanted. By nothing at the end.
    fn go_on(&mut self, most: u64, into: Option<&mut [u8]>) -> io::Result<u64> {
        if self.pieces.is_empty() {
            let there = self.wait(self.at)?.bytes.saturating_sub(self.at).min(most);
            if !self.is_passed || there == 0 {
                return self.read_file(self.at, there, into);
            }
            match self.backlog.next(self.at) {
                Next::Kept(more) => return self.read_file(self.at, there.min(more), into),
                Next::File { place, bytes } => {
                    let count = self.read_file(place, bytes.min(most), into)?;
                    self.backlog.read(count);
                    return Ok(count);
                }
                Next::Memory(pieces) => self.pieces = pieces,
            }
        }
        self.read_piece(most, into)
    }

    fn read_file(&mut self, place: u64, most: u64, into: Option<&mut [u8]>) -> io::Result<u64> {
        let count = match into {
            Some(into) => {
                let most = usize::try_from(most).map_or(into.len(), |most| most.min(into.len()));
                self.file.read_at(&mut into[..most], place)? as u64
            }
            None => most,
        };
        self.at += count;
        Ok(count)
    }

    fn read_piece(&mut self, most: u64, into: Option<&mut [u8]>) -> io::Result<u64> {
        let Some(piece) = self.pieces.front_mut() else {
            // What was told of is gone: others were to read it.
            return Err(io::Error::other(Unwanted));
        };
        let mut count = usize::try_from(most).map_or(piece.len(), |most| most.min(piece.len()));
        if let Some(into) = into {
            count = count.min(into.len());
            into[..count].copy_from_slice(&piece[..count]);
        }
        piece.advance(count);
        if piece.is_empty() {
            self.pieces.pop_front();
        }
        self.at += count as u64;
        Ok(count as u64)
    }

    /// Passes over what is not wanted: to leap, it would have to be there.
    fn leave_out(&mut self, until: u64) -> io::Result<()> {
        while self.at < until {
            if self.go_on(until - self.at, None)? == 0 {
                self.at = until;
            }
        }
        Ok(())
    }
}

impl Read for Arriving {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len() as u64;
        // No more than there is room for.
        self.go_on(most, Some(into)).map(|count| usize::try_from(count).unwrap_or(usize::MAX))
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
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        if self.is_passed && place > self.at {
            self.leave_out(place)?;
        } else if self.is_passed && place < self.at && self.backlog.is_beyond() {
            return Err(io::ErrorKind::NotSeekable.into());
        }
        self.at = place;
        Ok(self.at)
    }
}
