//! `[sources]`: where build contexts are fetched from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{SettingsError, invalid};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sources {
    /// The API behind sources of type `github`.
    pub(crate) github_api: String,
    /// Certificates in PEM that are trusted besides the system's.
    pub(crate) extra_ca_file: Option<PathBuf>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { github_api: "https://api.github.com".into(), extra_ca_file: None }
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
        let Some(file) = &self.extra_ca_file else { return Ok(Vec::new()) };
        std::fs::read(file).map_err(|error| {
            invalid("sources.extra_ca_file", format!("{}: {error}", file.display()))
        })
    }
}
