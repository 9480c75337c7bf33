//! `[retention]`: for how long things are kept that are over.

use std::time::Duration;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    /// Builds that are over, and their logs; 0 is for ever.
    pub(crate) builds_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { builds_days: 90 }
    }
}

impl Retention {
    /// How long builds are kept; `None` is for ever.
    pub(crate) fn builds(&self) -> Option<Duration> {
        let days = u64::from(self.builds_days);
        (days > 0).then(|| Duration::from_secs(days * 86_400))
    }
}
