//! The outbox relay: rings what the rows say is due.
//!
//! Without it, a crash between commit and ring would leave a build that nobody looks at
//! until the next one comes.

use std::time::Duration;

use slipway_domain::BuildId;
use slipway_store::outbox::DueBell;
use slipway_store::{Store, StoreError, outbox};
use thiserror::Error;
use tokio::time::{Instant, timeout, timeout_at};

use crate::inbox::Due;
use crate::{Queue, QueueError};

/// How many bells are rung with one look at the outbox.
const BATCH: u16 = 256;
/// While bells come faster than one by one, those of this time are rung together: each look
/// at the outbox is a transaction, and the broker likes company as well.
const GATHER: Duration = Duration::from_millis(10);
/// Sweeps what was left unsent by a process that died before it could ring.
const SWEEP: Duration = Duration::from_secs(5);
/// The pause after an answer that the database did not give.
const AGAIN: Duration = Duration::from_secs(1);

/// Rings right after commit, and sweeps.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Where the outbox is.
    pub store: Store,
    /// Where the bells hang.
    pub queue: Queue,
}

/// Why a look at the outbox came to nothing.
#[derive(Debug, Error)]
pub enum RelayError {
    /// The outbox cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bells cannot be rung.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

impl Relay {
    /// Relays for ever. Drop it to stop; what is not rung stays in the outbox.
    pub async fn run(self) {
        let mut failing = false;
        let (mut due, mut looked) = (Due::Whatever, Instant::now());
        loop {
            let relayed = match &due {
                Due::These(bells) => ring(&self.store, &self.queue, bells).await,
                Due::Whatever => {
                    looked = Instant::now();
                    // Their rows are there: this look finds them.
                    self.queue.inbox().forget();
                    relay_one(&self.store, &self.queue).await
                }
            };
            due = match relayed {
                Ok(rung) => {
                    if std::mem::take(&mut failing) {
                        tracing::info!("the outbox is relayed again");
                    }
                    if rung > 1 {
                        tokio::time::sleep(GATHER).await;
                    }
                    let is_more = due == Due::Whatever && rung == usize::from(BATCH);
                    if is_more { Due::Whatever } else { self.next(looked + SWEEP).await }
                }
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "bells stay in the outbox until they can be rung");
                    }
                    self.pause(&error).await;
                    Due::Whatever
                }
            }
        }
    }

    /// What is to be relayed next. The sweep is the net, not the way, but however much there is
    /// to do, others may have left something.
    async fn next(&self, sweep: Instant) -> Due {
        if sweep <= Instant::now() {
            return Due::Whatever;
        }
        timeout_at(sweep, self.queue.inbox().due()).await.unwrap_or(Due::Whatever)
    }

    /// However many bells come meanwhile: they would fare no better.
    async fn pause(&self, error: &RelayError) {
        match error {
            RelayError::Store(_) => tokio::time::sleep(AGAIN).await,
            RelayError::Queue(_) => {
                let _ = timeout(SWEEP, self.queue.reopened()).await;
            }
        }
    }
}

/// Rings bells that are known, and then forgets their rows. Says how many.
async fn ring(store: &Store, queue: &Queue, bells: &[DueBell]) -> Result<usize, RelayError> {
    let builds: Vec<BuildId> = bells.iter().map(|bell| bell.build).collect();
    queue.ring(&builds).await?;
    outbox::rung(store, bells).await?;
    Ok(bells.len())
}

/// Rings one batch of bells that are due and forgets them. Says how many. What another
/// process is ringing just now is left to it.
///
/// # Errors
/// When the store or the queue does not answer; the bells stay due.
pub async fn relay_one(store: &Store, queue: &Queue) -> Result<usize, RelayError> {
    let due = outbox::take(store, BATCH).await?;
    let builds = due.builds();
    if !builds.is_empty() {
        queue.ring(&builds).await?;
        due.rung().await?;
    }
    Ok(builds.len())
}
