//! One follower's place in one build.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use slipway_domain::BuildId;
use slipway_store::StoreError;
use slipway_store::builds::{Build, Waiting};
use tokio::sync::watch;

use super::Hub;
use super::batch::{Batch, Part};
use super::reader::{Reader, Stand};

/// How long a follower leaves a reader alone that gave up.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// One follower's place in one build: the number of the last event that it has. It keeps no
/// events, so it is small, however far behind it is and however long it stays.
#[derive(Debug)]
pub struct Follower {
    hub: Hub,
    build: BuildId,
    after: i64,
    /// The last event that it is to get, where that is known.
    until: Option<i64>,
    /// The last event of the build when it was found; none once that was made use of.
    known: Option<i64>,
    /// What it was given last, for as long as that is kept for others.
    given: Weak<Batch>,
    /// Held once it has all that there was.
    live: Option<Live>,
    /// Why the build waits, as it was told last.
    told: Option<String>,
}

#[derive(Debug)]
struct Live {
    stand: watch::Receiver<Stand>,
    _reader: Arc<Reader>,
}

/// What there is for a follower.
#[derive(Debug, Clone)]
pub enum Next {
    /// Events that go on right after its place.
    Events(Part),
    /// Why the build waits: it was not told yet, or there is another reason now.
    Waiting(Arc<Waiting>),
    /// It has all that there will be.
    End,
}

impl Follower {
    pub(super) fn new(hub: Hub, build: &Build, after: i64, until: Option<i64>) -> Self {
        hub.0.followers.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("slipway_followers").increment(1);
        Self {
            hub,
            build: build.id,
            after,
            until,
            known: Some(build.last_seq),
            given: Weak::new(),
            live: None,
            told: None,
        }
    }

    /// The number of the last event that it has.
    #[must_use]
    pub fn after(&self) -> i64 {
        self.after
    }

    /// Moves on: events up to number `seq` have arrived.
    pub fn took(&mut self, seq: i64) {
        self.after = self.after.max(seq);
    }

    /// What is next, as soon as there is anything. Says the same events again until they are
    /// [`took`](Self::took), or more of them. May be cancelled and called again: nothing is
    /// lost by that.
    ///
    /// # Errors
    /// When the database does not answer; call again to go on. When the rest is gone.
    pub async fn next(&mut self) -> Result<Next, StoreError> {
        loop {
            if self.until.is_some_and(|until| self.after >= until) {
                return Ok(Next::End);
            }
            if let Some(part) = self.at_hand() {
                return Ok(self.give(part));
            }
            let stand = self.live.as_mut().map(|live| live.stand.borrow_and_update().clone());
            let Some(stand) = stand else {
                // What came since the build was found, the reader finds.
                let known = self.known.take();
                if self.until.is_none() && known.is_some_and(|known| self.after >= known) {
                    self.join();
                    continue;
                }
                match self.replay().await? {
                    Some(part) => return Ok(self.give(part)),
                    // They were there, and the build was forgotten meanwhile. That is not its end.
                    None if self.until.is_some() => {
                        return Err(StoreError::LogMissing(self.build));
                    }
                    None => self.join(),
                }
                continue;
            };
            // The reader is ahead, and what it read is not kept any more.
            if stand.last.is_some_and(|last| last > self.after)
                && let Some(part) = self.replay().await?
            {
                return Ok(self.give(part));
            }
            if stand.over {
                return Ok(Next::End);
            }
            match stand.waiting {
                Some(waiting) if self.told.as_ref() != Some(&waiting.reason) => {
                    self.told = Some(waiting.reason.clone());
                    return Ok(Next::Waiting(waiting));
                }
                Some(_) => {}
                None => self.told = None,
            }
            self.change().await;
        }
    }

    /// The next events alone, which count as [`took`](Self::took); `None` at the end. May be
    /// cancelled and called again.
    ///
    /// # Errors
    /// As of [`next`](Self::next).
    pub async fn take_next(&mut self) -> Result<Option<Part>, StoreError> {
        loop {
            match self.next().await? {
                Next::Events(part) => {
                    self.took(part.last());
                    return Ok(Some(part));
                }
                Next::Waiting(_) => {}
                Next::End => return Ok(None),
            }
        }
    }

    /// Reads what is next where that is known to be there, so that whoever cannot have it hears
    /// of that before an answer is begun.
    ///
    /// # Errors
    /// When the database does not answer, or a log that was moved is not to be had.
    pub async fn begin(&mut self) -> Result<(), StoreError> {
        let is_there = self.until.is_some_and(|until| self.after < until);
        if is_there
            && self.at_hand().is_none()
            && let Some(part) = self.replay().await?
        {
            self.give(part);
        }
        Ok(())
    }

    /// Waits until the build stands otherwise.
    async fn change(&mut self) {
        let Some(live) = &mut self.live else { return };
        if live.stand.changed().await.is_err() && !live.stand.borrow().over {
            // The reader gave up. What it came upon is in the way of this follower too, or is
            // gone when it looks itself.
            tokio::time::sleep(PAUSE).await;
            self.live = None;
        }
    }

    fn join(&mut self) {
        let reader = self.hub.join(self.build);
        self.live = Some(Live { stand: reader.stand(), _reader: reader });
    }

    fn at_hand(&self) -> Option<Part> {
        let given = self.given.upgrade().and_then(|batch| self.part(batch));
        given.or_else(|| self.part(self.hub.at_hand(self.build, self.after)?))
    }

    async fn replay(&self) -> Result<Option<Part>, StoreError> {
        // Boxed: a follower that waits is as large as all that it may ever wait for.
        let batch = Box::pin(self.hub.replay(self.build, self.after)).await?;
        Ok(batch.and_then(|batch| self.part(batch)))
    }

    fn part(&self, batch: Arc<Batch>) -> Option<Part> {
        Part::of(batch, self.after, self.until)
    }

    fn give(&mut self, part: Part) -> Next {
        self.given = Arc::downgrade(part.whole());
        Next::Events(part)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.hub.0.followers.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("slipway_followers").decrement(1);
    }
}
