//! `[blobs]`: where uploads are kept, and for how long.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Blobs {
    /// `file:///folder`; a folder in the data directory where none is given.
    pub(crate) url: Option<String>,
    /// An upload goes when nothing has used it for so long.
    pub(crate) keep_hours: u64,
}

impl Default for Blobs {
    fn default() -> Self {
        Self { url: None, keep_hours: 24 }
    }
}

impl Blobs {
    pub(crate) fn url_in(&self, data_dir: &Path) -> String {
        self.url.clone().unwrap_or_else(|| format!("file://{}", data_dir.join("blobs").display()))
    }

    pub(crate) const fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_hours.saturating_mul(3600))
    }
}
