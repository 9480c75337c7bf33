//! Warnings about messages that cannot be understood: told, but not a thousand times.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// No more than one warning in this time.
const AT_MOST_EVERY: Duration = Duration::from_secs(60);

/// Warns of strange messages, seldom.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    kept_back: u64,
}

impl Seldom {
    /// Says that `what` was thrown away because of `problem`, or counts it.
    pub(super) fn warn(&self, what: &str, problem: &str) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.last.is_some_and(|last| last.elapsed() < AT_MOST_EVERY) {
            told.kept_back += 1;
            return;
        }
        let others = std::mem::take(&mut told.kept_back);
        tracing::warn!(problem, others, "{what} at the broker is not ours and was thrown away");
        told.last = Some(Instant::now());
    }
}
