//! What was seen of a bucket a moment ago.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For so long what was seen is taken to be so. Each look costs a request or two, and probes come
/// every few seconds.
const HOLDS_FOR: Duration = Duration::from_secs(10);

/// When something was seen to be as it should.
#[derive(Debug, Clone, Default)]
pub(super) struct Lately(Arc<Mutex<Option<Instant>>>);

impl Lately {
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(super) fn holds(&self) -> bool {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_some_and(|at| at.elapsed() < HOLDS_FOR)
    }
}
