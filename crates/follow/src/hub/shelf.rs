//! Batches that were read lately, for whoever comes to the same place.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

/// What all batches hold together, in bytes of their events. What is sent of them is of the
/// same size, once for each shape that is asked for.
const KEPT: usize = 4 << 20;

/// What may lie on a shelf.
pub(super) trait Shelved {
    /// What its events are known by.
    type Place: PartialOrd;

    /// The place of its last event.
    fn last(&self) -> Self::Place;

    /// About how many bytes its events hold.
    fn size(&self) -> usize;
}

/// Batches by where they begin: what is followed, and the place of the event before.
#[derive(Debug)]
pub(super) struct Shelf<P, B> {
    batches: HashMap<P, Arc<B>>,
    /// Oldest first.
    order: VecDeque<P>,
    bytes: usize,
}

impl<P, B> Default for Shelf<P, B> {
    fn default() -> Self {
        Self { batches: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }
}

impl<P: Clone + Eq + Hash, B: Shelved> Shelf<P, B> {
    pub(super) fn get(&self, place: &P) -> Option<Arc<B>> {
        self.batches.get(place).cloned()
    }

    /// Puts a batch there, in the place of the oldest ones. Where the same place was read
    /// before, what was read more of it stays.
    pub(super) fn put(&mut self, place: P, batch: B) -> Arc<B> {
        if let Some(there) = self.batches.get(&place).filter(|there| there.last() >= batch.last()) {
            return Arc::clone(there);
        }
        let batch = Arc::new(batch);
        self.bytes += batch.size();
        match self.batches.insert(place.clone(), Arc::clone(&batch)) {
            Some(shorter) => self.bytes -= shorter.size(),
            None => self.order.push_back(place),
        }
        while self.bytes > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            let gone = self.batches.remove(&oldest);
            self.bytes -= gone.map_or(0, |batch| batch.size());
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use slipway_domain::{Attempt, BuildId, Event, EventBody, LogStream, now};

    use super::*;
    use crate::hub::batch::Batch;

    fn batch(first: i64, count: i64, text: &str) -> Batch {
        let body = EventBody::Log { step: None, stream: LogStream::Stdout, text: text.into() };
        let event = |seq| Event { seq, at: now(), attempt: Attempt(1), body: body.clone() };
        Batch::new((first..first + count).map(event).collect()).unwrap()
    }

    #[test]
    fn it_keeps_what_is_new_and_no_more_than_it_may() {
        let (mut shelf, build) = (Shelf::default(), BuildId::generate());
        let text = "x".repeat(64 * 1024);
        for after in 0..1000 {
            shelf.put((build, after), batch(after + 1, 1, &text));
            assert!(shelf.bytes <= KEPT);
            assert_eq!(shelf.batches.len(), shelf.order.len());
        }
        assert!(shelf.get(&(build, 999)).is_some() && shelf.get(&(build, 0)).is_none());
        assert!(shelf.batches.len() > 50, "{}", shelf.batches.len());
        let sizes: usize = shelf.batches.values().map(|batch| batch.size()).sum();
        assert_eq!(shelf.bytes, sizes);
    }

    #[test]
    fn the_longer_batch_stays() {
        let (mut shelf, build) = (Shelf::default(), BuildId::generate());
        for (count, left) in [(2, 2), (5, 5), (3, 5)] {
            assert_eq!(shelf.put((build, 7), batch(8, count, "x")).last(), 7 + left);
            assert_eq!(shelf.get(&(build, 7)).unwrap().last(), 7 + left);
        }
        assert_eq!(shelf.order.len(), 1);
        assert_eq!(shelf.bytes, shelf.get(&(build, 7)).unwrap().size());
    }
}
