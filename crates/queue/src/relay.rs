//! The outbox relay: rings what the rows say is due.
//!
//! Without it, a crash between commit and ring would leave a build that nobody looks at
//! until the next one comes.

use std::time::Duration;

use slipway_domain::BuildId;
use slipway_store::{Store, StoreError, outbox};
use thiserror::Error;

use crate::{Queue, QueueError};

/// How many bells are rung with one look at the outbox.
const BATCH: u16 = 256;
/// Sweeps what was left unsent by a process that died before it could ring.
const SWEEP: Duration = Duration::from_secs(5);

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
        loop {
            match relay_one(&self.store, &self.queue).await {
                Ok(rung) if rung == usize::from(BATCH) => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the outbox could not be relayed"),
            }
            // The time-out is the net, not the way.
            let _ = tokio::time::timeout(SWEEP, self.queue.outbox_wait()).await;
        }
    }
}

/// Rings one batch of bells that are due and forgets them. Says how many.
///
/// # Errors
/// When the store or the queue does not answer; the bells stay due.
pub async fn relay_one(store: &Store, queue: &Queue) -> Result<usize, RelayError> {
    let due = outbox::due(store, BATCH).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let builds: Vec<BuildId> = due.iter().map(|bell| bell.build).collect();
    queue.ring(&builds).await?;
    outbox::rung(store, &due).await?;
    Ok(due.len())
}
