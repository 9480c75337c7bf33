//! `[secrets]`: the key that seals logins at rest.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use slipway_domain::Secret;
use slipway_store::seal::KeyRing;

use super::{Settings, SettingsError, invalid};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Secrets {
    /// 32 bytes in base64, mode 0600. Made at the first start in the data directory where
    /// none is given. Lose it, and the logins of builds that are not over are lost with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    /// The key itself, for where a variable is easier to hand over than a file.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub(crate) key: Option<Secret>,
}

impl Secrets {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        match self {
            Self { key: Some(_), key_file: Some(_) } => {
                Err(invalid("secrets.key", "is given beside secrets.key_file; give one of them"))
            }
            Self { .. } => Ok(()),
        }
    }

    /// What is in force for `standalone`.
    pub(super) fn shown(&self, data_dir: &Path) -> Self {
        let key_file = self.key.is_none().then(|| self.key_file_in(data_dir));
        Self { key_file, key: self.key.clone() }
    }

    fn key_file_in(&self, data_dir: &Path) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| data_dir.join("secret.key"))
    }
}

impl Settings {
    /// The key of a process that is alone: made on the spot where there is none.
    pub(crate) fn own_key(&self) -> Result<KeyRing, slipway_store::StoreError> {
        match &self.secrets.key {
            Some(key) => KeyRing::parse(key.expose()),
            None => KeyRing::load_or_create(&self.secrets.key_file_in(&self.data_dir)),
        }
    }
}

#[expect(clippy::ref_option, reason = "what serde calls it with")]
fn masked<S: Serializer>(_: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}
