//! How far a fetch is, for whoever watches while another reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A view of a fetch that goes on. It stays good after the body is gone.
#[derive(Debug, Clone)]
pub struct Progress {
    got: Arc<AtomicU64>,
    of: Option<u64>,
}

impl Progress {
    pub(super) fn new(of: Option<u64>) -> Self {
        Self { got: Arc::default(), of }
    }

    /// Bytes that were read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.got.load(Ordering::Relaxed)
    }

    /// Of how many, if the server said so.
    #[must_use]
    pub const fn of(&self) -> Option<u64> {
        self.of
    }

    /// Counts what came, and returns the sum.
    pub(super) fn add(&self, bytes: u64) -> u64 {
        self.got.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes)
    }
}
