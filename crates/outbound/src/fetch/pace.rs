//! Whether a server sends fast enough. One byte a minute is never idle for long, and would
//! hold a slot for as long as it likes.

use std::time::Duration;

use super::error::FetchErrorKind;
use super::limits::Limits;

/// Bytes and waiting since the last look.
#[derive(Debug)]
pub(super) struct Pace {
    over: Duration,
    bytes_per_second: u64,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            over: limits.pace_over,
            bytes_per_second: limits.bytes_per_second,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Counts a piece of `bytes` that was waited for so long.
    pub(super) fn came(&mut self, bytes: u64, waited: Duration) -> Result<(), FetchErrorKind> {
        self.bytes = self.bytes.saturating_add(bytes);
        self.waited += waited;
        if self.waited < self.over {
            return Ok(());
        }
        let due = u128::from(self.bytes_per_second) * self.waited.as_millis() / 1000;
        if u128::from(self.bytes) < due {
            return Err(FetchErrorKind::TooSlow { bytes: self.bytes, within: self.waited });
        }
        (self.bytes, self.waited) = (0, Duration::ZERO);
        Ok(())
    }
}
