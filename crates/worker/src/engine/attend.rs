//! Watches an engine that works for us, so that one that hangs is found out.
//!
//! A connection that is cut ends by itself. An engine that stands still with all its
//! connections open (its disk hangs, its process is stopped, it waits for itself) would
//! hold a build until its time limit, and then the limit would be blamed. So the engine is
//! asked the plainest question it knows while it works. A long step that prints nothing is
//! no reason to give up; not to answer that question for half a minute is, unless the work
//! itself goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slipway_domain::Failure;

use super::wire::WireError;
use super::{Host, faults};

const EVERY: Duration = Duration::from_secs(5);
/// So many questions in a row without an answer, each of which has five seconds.
const PATIENCE: u32 = 3;

/// Whether the work itself was heard of. Clones note into the same place.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<AtomicBool>);

impl Heard {
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Host {
    /// Does `work`, or gives it up when the engine stands still.
    pub(super) async fn attended<T>(
        &self,
        heard: &Heard,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            biased;
            done = work => done,
            error = self.stands_still(heard) => Err(faults::host(self, error)),
        }
    }

    async fn stands_still(&self, heard: &Heard) -> WireError {
        let mut unanswered = 0;
        loop {
            // What was heard before this question says nothing of the engine as it is now.
            heard.take();
            tokio::time::sleep(EVERY).await;
            match self.in_time(self.ping()).await {
                Err(_) if heard.take() => unanswered = 0,
                Err(error) if unanswered + 1 == PATIENCE => return error,
                Err(_) => unanswered += 1,
                Ok(_) => unanswered = 0,
            }
        }
    }
}
