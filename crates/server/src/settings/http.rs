//! `[http]`: where the API listens, and how large a request may be.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{SettingsError, address, at_least_one};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    /// `address:port`.
    pub(crate) listen: String,
    /// Largest JSON body, in bytes. Uploads have `limits.context_bytes`.
    pub(crate) body_limit: u64,
    /// How long requests at hand may take to finish after the signal to stop.
    pub(crate) grace_seconds: u64,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8080".into(), body_limit: 2 << 20, grace_seconds: 10 }
    }
}

impl Http {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        at_least_one("http.body_limit", self.body_limit)?;
        self.address().map(drop)
    }

    /// # Errors
    /// When `listen` is no address with a port.
    pub(crate) fn address(&self) -> Result<SocketAddr, SettingsError> {
        address("http.listen", &self.listen)
    }
}
