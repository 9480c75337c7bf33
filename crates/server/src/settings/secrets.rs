//! `[secrets]`: the key that seals logins at rest.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secrets {
    /// 32 bytes in base64, mode 0600. Made at the first start in the data directory where
    /// none is given. Lose it, and the logins of builds that are not over are lost with it.
    pub(crate) key_file: Option<PathBuf>,
}

impl Secrets {
    pub(crate) fn key_file_in(&self, data_dir: &Path) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| data_dir.join("secret.key"))
    }
}
