//! `[database]`: the state of record.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{SettingsError, invalid, without_password};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    /// `sqlite:///file` or `postgres://…`; a file in the data directory where none is given.
    pub(crate) url: Option<String>,
}

impl Database {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let known = ["sqlite:", "postgres:", "postgresql:"];
        match &self.url {
            Some(url) if !known.iter().any(|scheme| url.starts_with(scheme)) => {
                Err(invalid("database.url", "must begin with sqlite: or postgres:"))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn url_in(&self, data_dir: &Path) -> String {
        self.url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", data_dir.join("slipway.db").display()))
    }

    /// Whether other processes can work on it, too.
    pub(crate) fn is_shared(&self) -> bool {
        let url = self.url.as_deref().unwrap_or_default();
        ["postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme))
    }

    /// The URL without its password.
    pub(super) fn shown(&self, data_dir: &Path) -> String {
        without_password(&self.url_in(data_dir))
    }
}
