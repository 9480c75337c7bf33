//! Frames that were read lately. Whoever reads a log asks for a few events at a time, and the
//! next ones are most often in the same frame.

use std::collections::VecDeque;
use std::sync::Arc;

use slipway_domain::BuildId;

/// What all frames hold together, in bytes.
const KEPT: usize = 4 << 20;

/// The number of a frame's last event, in a build.
type Place = (BuildId, i64);

#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// What was asked for last is at the end.
    frames: VecDeque<(Place, Arc<str>)>,
    bytes: usize,
}

impl Shelf {
    pub(super) fn get(&mut self, place: Place) -> Option<Arc<str>> {
        let index = self.frames.iter().position(|(there, _)| *there == place)?;
        let frame = self.frames.remove(index)?;
        let lines = Arc::clone(&frame.1);
        self.frames.push_back(frame);
        Some(lines)
    }

    pub(super) fn put(&mut self, place: Place, lines: &Arc<str>) {
        if self.get(place).is_some() {
            return;
        }
        self.bytes += lines.len();
        self.frames.push_back((place, Arc::clone(lines)));
        while self.bytes > KEPT
            && let Some((_, gone)) = self.frames.pop_front()
        {
            self.bytes -= gone.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_there_is_an_end() {
        let (mut shelf, build) = (Shelf::default(), BuildId::generate());
        let lines: Arc<str> = "x".repeat(100 * 1024).into();
        shelf.put((build, 0), &lines);
        for place in 1..1000 {
            shelf.put((build, place), &lines);
            shelf.put((build, place), &lines);
            assert!(shelf.bytes <= KEPT);
            assert_eq!(shelf.bytes, shelf.frames.len() * lines.len());
            assert!(shelf.get((build, 0)).is_some(), "it is asked for all the time");
        }
        assert!(shelf.get((build, 1)).is_none() && shelf.get((build, 999)).is_some());
        let too_large: Arc<str> = "x".repeat(KEPT + 1).into();
        shelf.put((build, 1000), &too_large);
        assert_eq!((shelf.bytes, shelf.frames.len()), (0, 0));
    }
}
