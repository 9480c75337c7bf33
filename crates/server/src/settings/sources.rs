//! `[sources]`: where build contexts are fetched from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{SettingsError, authorities, invalid, known_hosts};

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
    /// When it cannot be read, is empty, or holds something else than certificates.
    pub(crate) fn extra_roots(&self) -> Result<Vec<u8>, SettingsError> {
        let file = self.extra_ca_file.as_deref();
        file.map_or_else(|| Ok(Vec::new()), |file| authorities::read("sources.extra_ca_file", file))
    }

    /// What `known_hosts_file` holds.
    ///
    /// # Errors
    /// When it cannot be read, or has a line that `ssh` could not.
    pub(crate) fn known_hosts(&self) -> Result<Option<String>, SettingsError> {
        const KEY: &str = "sources.known_hosts_file";
        let Some(file) = &self.known_hosts_file else { return Ok(None) };
        let bytes = read(KEY, file)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(line) = known_hosts::junk(&text) else { return Ok(Some(text)) };
        let problem = format!(
            "{}: line {line} is none of known_hosts: write the host, its key's type and the key, \
             as ssh-keyscan does",
            file.display()
        );
        Err(invalid(KEY, problem))
    }
}

/// What a file holds, or why it cannot be read.
pub(super) fn read(key: &str, file: &Path) -> Result<Vec<u8>, SettingsError> {
    std::fs::read(file).map_err(|error| invalid(key, format!("{}: {error}", file.display())))
}
