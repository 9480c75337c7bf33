//! Replay from N, then live.
//!
//! Listen first, look second, wait with a slow poll as the net: an event cannot fall
//! between the look and the wait, and one whose news was lost is found by the poll. So whoever has
//! all that a look found need not look again before there is news.

use futures::FutureExt as _;
use slipway_domain::{BuildId, Event};
use slipway_queue::{Ear, News, POLL, Queue};
use slipway_store::builds::Build;
use slipway_store::{Store, StoreError, events};

/// Events are read in batches of this many, whatever the length of the log.
const BATCH: u16 = 64;
/// What the events of a batch hold together; the one that goes beyond it is the last.
const BATCH_BYTES: u32 = 256 * 1024;
/// A batch with less text than this was not cut off for its size, however much of it had to be
/// escaped in its row.
const SURELY_WHOLE: usize = 32 * 1024;

/// One follower's place in one build's events.
#[derive(Debug)]
pub struct Tail {
    store: Store,
    ear: Ear,
    build: BuildId,
    after: i64,
    ended: bool,
    /// Whether the build may be over without an event after our place. It cannot where we
    /// have seen an event that is not its last.
    unsure: bool,
    /// The last look found the end of what there was.
    caught_up: bool,
}

impl Tail {
    /// Follows `build` from the event after number `after`; 0 is from the beginning.
    #[must_use]
    pub fn new(store: &Store, queue: &Queue, build: BuildId, after: i64) -> Self {
        Self {
            store: store.clone(),
            ear: queue.listen(),
            build,
            after,
            ended: false,
            unsure: true,
            caught_up: false,
        }
    }

    /// Goes on after event number `after` of a build as it was `found` since this listens; what
    /// was heard meanwhile is not lost.
    pub(crate) fn go_on(&mut self, after: i64, found: &Build) {
        self.after = after;
        self.caught_up = after == found.last_seq;
        self.unsure = found.state.is_finished();
    }

    /// The next events, as soon as there are any; `None` after the last one of a
    /// finished build. May be cancelled and called again: no event is lost by that.
    ///
    /// # Errors
    /// When the database does not answer; call again to go on.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, StoreError> {
        loop {
            if !self.caught_up
                && let Some(batch) = self.ready().await?
            {
                return Ok(Some(batch));
            }
            if self.ended || (self.unsure && self.is_over().await?) {
                return Ok(None);
            }
            // The time-out is the net, not the way. Silence may also mean that the build was
            // forgotten meanwhile.
            let silence = tokio::time::timeout(POLL, self.heard()).await.is_err();
            self.unsure |= silence;
            self.caught_up = false;
        }
    }

    /// What is there now, without waiting.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ready(&mut self) -> Result<Option<Vec<Event>>, StoreError> {
        let batch = batch_after(&self.store, self.build, self.after).await?;
        self.caught_up = is_all(&batch);
        let Some(last) = batch.last() else { return Ok(None) };
        self.after = last.seq;
        self.ended = last.is_end();
        self.unsure = false;
        Ok(Some(batch))
    }

    /// Whether the build is over and its last event was before our place: a follower
    /// that asked from beyond the end must not wait for what never comes.
    async fn is_over(&self) -> Result<bool, StoreError> {
        events::none_after(&self.store, self.build, self.after).await
    }

    async fn heard(&mut self) {
        loop {
            match self.ear.next().await {
                News::Happened(build) if build == self.build => break,
                News::Missed => break,
                News::Happened(_) | News::CancelAsked(_) => {}
            }
        }
        // One look is for all that has happened by now.
        while self.ear.next().now_or_never().is_some() {}
    }
}

/// The batch after event `after`; empty where there is none.
pub(crate) async fn batch_after(
    store: &Store,
    build: BuildId,
    after: i64,
) -> Result<Vec<Event>, StoreError> {
    events::batch_after(store, build, after, BATCH, BATCH_BYTES).await
}

/// Whether nothing was left out of a batch.
fn is_all(batch: &[Event]) -> bool {
    let text = batch.iter().map(|event| event.body.size()).sum::<usize>();
    batch.len() < usize::from(BATCH) && text < SURELY_WHOLE
}
