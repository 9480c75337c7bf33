//! `[sources]`: where build contexts are fetched from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{SettingsError, invalid};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sources {
    /// The API behind sources of type `github`.
    pub(crate) github_api: String,
    /// Certificates in PEM that are trusted besides the system's, by git too.
    pub(crate) extra_ca_file: Option<PathBuf>,
    /// A file as of OpenSSH's `known_hosts`, for repositories by ssh whose builds bring none.
    pub(crate) known_hosts_file: Option<PathBuf>,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            github_api: "https://api.github.com".into(),
            extra_ca_file: None,
            known_hosts_file: None,
        }
    }
}

impl Sources {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.github_host().map(drop)
    }

    /// The host of GitHub's API, which the operator has named: it may be reached wherever it is.
    ///
    /// # Errors
    /// When the address is none.
    pub(crate) fn github_host(&self) -> Result<String, SettingsError> {
        let url = Url::parse(&self.github_api).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
        url.as_ref().and_then(Url::host_str).map(ToOwned::to_owned).ok_or_else(|| {
            invalid(
                "sources.github_api",
                "is no address; write https://api.github.com, or https://HOST/api/v3 for a \
                 GitHub Enterprise Server",
            )
        })
    }

    /// What `extra_ca_file` holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn extra_roots(&self) -> Result<Vec<u8>, SettingsError> {
        let read = read("sources.extra_ca_file", self.extra_ca_file.as_deref())?;
        Ok(read.unwrap_or_default())
    }

    /// What `known_hosts_file` holds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn known_hosts(&self) -> Result<Option<String>, SettingsError> {
        let read = read("sources.known_hosts_file", self.known_hosts_file.as_deref())?;
        Ok(read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

fn read(key: &str, file: Option<&Path>) -> Result<Option<Vec<u8>>, SettingsError> {
    let Some(file) = file else { return Ok(None) };
    let read = std::fs::read(file);
    read.map(Some).map_err(|error| invalid(key, format!("{}: {error}", file.display())))
}
