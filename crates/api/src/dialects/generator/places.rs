//! Where those who poll have got to.
//!
//! Which events chunk N is of can only be counted from the beginning, and who polls asks for
//! each chunk in a request of its own: so the places are kept, and the next chunk is where the
//! last one was. A place that is not there any more, or is on another server, is found again
//! by counting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use slipway_domain::BuildId;
use slipway_store::{Store, StoreError, events};

use super::chunks::Chunks;

/// Places that are kept, of all builds. Each holds the chunks of one event, some 64 KiB.
const KEPT: usize = 256;
/// Events that are read at once on the way to a chunk that is far.
const FAR: u16 = 64;

/// The places, the latest at the end. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<Mutex<VecDeque<(BuildId, Place)>>>);

/// A place in one log.
#[derive(Debug, Default)]
pub(super) struct Place {
    chunks: Chunks,
    /// The last event that was rendered, and what came of it.
    seq: i64,
    held: Vec<String>,
    /// Number of the first chunk held.
    first: usize,
}

impl Places {
    /// Chunk `number` of a build, and the number of the last event that was looked at.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(super) async fn chunk(
        &self,
        store: &Store,
        build: BuildId,
        number: usize,
    ) -> Result<(Option<String>, i64), StoreError> {
        let mut place = self.take(build, number);
        let chunk = place.go_to(store, build, number).await?;
        let seq = place.seq;
        self.keep(build, place);
        Ok((chunk, seq))
    }

    /// The nearest place before a chunk. It is the caller's alone.
    fn take(&self, build: BuildId, number: usize) -> Place {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = places
            .iter()
            .enumerate()
            .filter(|(_, (of, place))| *of == build && place.first <= number);
        let nearest = before.max_by_key(|(_, (_, place))| place.first).map(|(index, _)| index);
        let taken = nearest.and_then(|index| places.remove(index));
        taken.map_or_else(Place::default, |(_, place)| place)
    }

    fn keep(&self, build: BuildId, place: Place) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.push_back((build, place));
        if places.len() > KEPT {
            places.pop_front();
        }
    }
}

impl Place {
    async fn go_to(
        &mut self,
        store: &Store,
        build: BuildId,
        number: usize,
    ) -> Result<Option<String>, StoreError> {
        loop {
            if let Some(chunk) = self.held.get(number - self.first) {
                return Ok(Some(chunk.clone()));
            }
            let is_next = number == self.first + self.held.len();
            let limit = if is_next { 1 } else { FAR };
            let batch = events::after(store, build, self.seq, limit).await?;
            if batch.is_empty() {
                return Ok(None);
            }
            for event in batch {
                self.first += self.held.len();
                self.held = self.chunks.of(&event);
                self.seq = event.seq;
                if number < self.first + self.held.len() {
                    break;
                }
            }
        }
    }
}
