//! What has come of an archive and was not read yet, once its beginning is not wanted again.
//!
//! It waits in memory, a little of it, and who fetches waits for who reads: the pace of the
//! engine is the pace of the fetching. A server from which nobody reads hangs up, though. So an
//! engine that stands still is not waited for: what comes meanwhile is put on the disk, behind
//! what waits already, into room that is used again.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Bytes that wait in memory at most; as many again can be with the reader.
const IN_MEMORY: usize = 1 << 20;
/// How long a reader may stand still and is waited for.
const PAUSE: Duration = Duration::from_secs(1);
/// How long it is waited for in all: a limit on the time of a fetch is not for the engine's.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between the one who puts an archive down and the one who reads along. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backlog(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something was taken, or nobody takes any more.
    taken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many bytes are kept from the start, where the rest is passed on.
    keep: Option<u64>,
    /// What waits, in order, from where the file's first part ends.
    waiting: VecDeque<Waiting>,
    in_memory: usize,
    /// Parts that wait in the file.
    in_file: usize,
    /// Where in the file the next part goes: behind all others, or at its start again.
    end: u64,
    /// Where the file's first part ends.
    begins_at: Option<u64>,
    /// Whether the reader is beyond that.
    is_beyond: bool,
    /// How often something was taken.
    takes: u64,
    /// At which of these the reader stood still.
    stood_at: Option<u64>,
    waited: Duration,
    is_left: bool,
}

/// A part of an archive.
#[derive(Debug)]
enum Waiting {
    Memory(Bytes),
    /// So many bytes at this place of the file.
    File {
        place: u64,
        bytes: u64,
    },
}

/// Where the reader finds what comes next.
#[derive(Debug)]
pub(crate) enum Next {
    /// In the file, where it is in the archive: no more than so many bytes.
    Kept(u64),
    /// At this place of the file, so many bytes. They wait there until they are
    /// [done with](Backlog::read).
    File { place: u64, bytes: u64 },
    /// Here, as far as it came.
    Memory(VecDeque<Bytes>),
}

impl Backlog {
    /// From here on, what is behind the first `keep` bytes is passed on and not kept; unless
    /// it was put down already.
    pub(crate) fn pass_beyond(&self, keep: u64) {
        self.state().keep = Some(keep);
    }

    /// Whether what comes at `at` is to be kept.
    pub(crate) fn keeps(&self, at: u64) -> bool {
        let state = self.state();
        state.begins_at.is_none() && state.keep.is_none_or(|keep| at < keep)
    }

    /// Whether all of what came is in the file.
    pub(crate) fn is_whole(&self) -> bool {
        self.state().begins_at.is_none()
    }

    /// Lets `piece`, which comes at `at`, wait in memory, where there is room.
    pub(crate) fn offer(&self, piece: &Bytes, at: u64) -> bool {
        let mut state = self.state();
        if state.begins_at.is_none() {
            (state.begins_at, state.end) = (Some(at), at);
        }
        if state.is_left {
            return true;
        }
        if state.in_memory > 0 && state.in_memory + piece.len() > IN_MEMORY {
            return false;
        }
        state.in_memory += piece.len();
        state.waiting.push_back(Waiting::Memory(piece.clone()));
        true
    }

    /// Waits until something was taken. Not for a reader who stands still, nor for ever.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.state();
        let takes = state.takes;
        let begun = Instant::now();
        loop {
            if state.takes != takes || state.is_left || state.in_memory == 0 {
                state.waited += begun.elapsed();
                return true;
            }
            let most = PAUSE.min(PATIENCE.saturating_sub(state.waited));
            let left = most.saturating_sub(begun.elapsed());
            if state.stood_at == Some(takes) || left.is_zero() {
                state.stood_at = Some(takes);
                state.waited += begun.elapsed();
                return false;
            }
            let woken = self.0.taken.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Lets `piece` wait in `file`.
    pub(crate) fn put(&self, piece: &[u8], file: &File) -> io::Result<()> {
        let place = {
            let mut state = self.state();
            if state.is_beyond && state.in_file == 0 {
                state.end = 0;
            }
            state.end
        };
        // The one who reads goes on meanwhile, and only makes room.
        file.write_all_at(piece, place)?;
        let mut state = self.state();
        let more = piece.len() as u64;
        state.end = place + more;
        match state.waiting.back_mut() {
            Some(Waiting::File { place: begins, bytes }) if *begins + *bytes == place => {
                *bytes += more;
            }
            None | Some(_) => {
                state.in_file += 1;
                state.waiting.push_back(Waiting::File { place, bytes: more });
            }
        }
        Ok(())
    }

    /// What comes at `at`, which is the next that the reader wants.
    pub(crate) fn next(&self, at: u64) -> Next {
        let mut state = self.state();
        let kept = state.begins_at.unwrap_or(u64::MAX).saturating_sub(at);
        if kept > 0 {
            return Next::Kept(kept);
        }
        state.is_beyond = true;
        if let Some(Waiting::File { place, bytes }) = state.waiting.front() {
            return Next::File { place: *place, bytes: *bytes };
        }
        let mut pieces = VecDeque::new();
        while let Some(Waiting::Memory(_)) = state.waiting.front() {
            if let Some(Waiting::Memory(piece)) = state.waiting.pop_front() {
                state.in_memory -= piece.len();
                pieces.push_back(piece);
            }
        }
        self.took(state);
        Next::Memory(pieces)
    }

    /// So many bytes of the part that waits in the file were read.
    pub(crate) fn read(&self, count: u64) {
        let mut state = self.state();
        if let Some(Waiting::File { place, bytes }) = state.waiting.front_mut() {
            *place += count;
            *bytes -= count;
            if *bytes == 0 {
                state.waiting.pop_front();
                state.in_file -= 1;
            }
        }
        self.took(state);
    }

    /// Whether the reader is where nothing is kept.
    pub(crate) fn is_beyond(&self) -> bool {
        self.state().is_beyond
    }

    /// Nobody reads any more. What was kept whole by then is kept whole from here on.
    pub(crate) fn leave(&self) {
        let mut state = self.state();
        state.keep = None;
        state.is_left = true;
        state.waiting.clear();
        (state.in_memory, state.in_file) = (0, 0);
        self.took(state);
    }

    fn took(&self, mut state: MutexGuard<'_, State>) {
        state.takes += 1;
        drop(state);
        self.0.taken.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(of: u8) -> Bytes {
        vec![of; IN_MEMORY].into()
    }

    /// Reads what waits in `file`, as far as the next part of it.
    fn read(backlog: &Backlog, at: &mut u64, file: &File) -> Vec<u8> {
        let Next::File { place, bytes } = backlog.next(*at) else { panic!("not in the file") };
        let mut part = vec![0; usize::try_from(bytes).unwrap()];
        file.read_exact_at(&mut part, place).unwrap();
        backlog.read(bytes);
        *at += bytes;
        part
    }

    #[test]
    fn the_room_in_the_file_is_used_again() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(3).unwrap();
        let backlog = Backlog::default();
        backlog.pass_beyond(0);
        assert!(!backlog.keeps(3) && backlog.is_whole() && !backlog.is_beyond());
        let mut at = 3;
        for round in 0..3 {
            // It stood still before; it is not waited for until it moves.
            assert!(backlog.offer(&piece(round), at));
            assert!(!backlog.offer(&piece(7), at));
            backlog.put(b"abc", &file).unwrap();
            backlog.put(b"def", &file).unwrap();
            let Next::Memory(pieces) = backlog.next(at) else { panic!("not in memory") };
            assert_eq!(pieces, [piece(round)]);
            at += IN_MEMORY as u64;
            // What waits in memory then comes behind it.
            assert!(backlog.offer(&piece(9), at + 6));
            assert_eq!(read(&backlog, &mut at, &file), b"abcdef");
            assert!(matches!(backlog.next(at), Next::Memory(_)));
            at += IN_MEMORY as u64;
        }
        // Behind the first three bytes once, and then at the start.
        assert_eq!(file.metadata().unwrap().len(), 9);
    }

    #[test]
    fn what_nobody_reads_any_more_is_kept_if_all_of_it_was() {
        let (kept, passed) = (Backlog::default(), Backlog::default());
        for backlog in [&kept, &passed] {
            backlog.pass_beyond(0);
        }
        assert!(passed.offer(&piece(0), 0));
        for backlog in [&kept, &passed] {
            backlog.leave();
        }
        assert!(kept.keeps(9) && kept.is_whole());
        assert!(!passed.keeps(9) && !passed.is_whole());
        // It is nobody's.
        assert!(passed.offer(&piece(1), 9) && passed.offer(&piece(2), 9));
    }

    #[test]
    fn who_stands_still_is_waited_for_once() {
        let backlog = Backlog::default();
        assert!(backlog.offer(&piece(0), 0));
        let begun = Instant::now();
        assert!(!backlog.wait());
        assert!(begun.elapsed() >= PAUSE);
        // One time is enough: a machine may be busy with something else for as long.
        let is_quick = (0..5).any(|_| {
            let begun = Instant::now();
            assert!(!backlog.wait());
            begun.elapsed() < PAUSE
        });
        assert!(is_quick, "it is waited for again");
        // It moves, and there is room.
        assert!(matches!(backlog.next(0), Next::Memory(_)));
        assert!(backlog.wait() && backlog.offer(&piece(1), 1 << 20));
    }
}
