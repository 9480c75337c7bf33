//! `[retention]`: for how long things are kept that are over, and where.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SettingsError, invalid, kept};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    /// Builds that are over, and their logs; 0 is for ever.
    pub(crate) builds_days: u32,
    /// Logs of builds that are over for so long go compressed to the blob store; 0 is never.
    pub(crate) logs_to_blobs_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { builds_days: 90, logs_to_blobs_days: 0 }
    }
}

impl Retention {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        kept("retention.builds_days", self.builds_days.into(), 24)?;
        kept("retention.logs_to_blobs_days", self.logs_to_blobs_days.into(), 24)?;
        let (Some(logs), Some(builds)) = (self.logs_to_blobs(), self.builds()) else {
            return Ok(());
        };
        if logs < builds {
            return Ok(());
        }
        let problem = format!(
            "must be less than retention.builds_days, which is {}: a build is forgotten with its \
             log before",
            self.builds_days
        );
        Err(invalid("retention.logs_to_blobs_days", problem))
    }

    /// How long builds are kept; `None` is for ever.
    pub(crate) fn builds(&self) -> Option<Duration> {
        days(self.builds_days)
    }

    /// How long logs stay in the database; `None` is for as long as their builds.
    pub(crate) fn logs_to_blobs(&self) -> Option<Duration> {
        days(self.logs_to_blobs_days)
    }
}

fn days(days: u32) -> Option<Duration> {
    (days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400))
}
