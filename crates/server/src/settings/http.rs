//! `[http]`: where the API listens, and how large a request may be.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use slipway_api::Origins;
use url::Url;

use super::{SettingsError, address, at_least_one, invalid};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http {
    /// `address:port`.
    pub(crate) listen: String,
    /// Files in PEM for `https`: the certificate with what lies between it and its authority,
    /// and its key. Both or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_cert: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Where people find this server, such as `https://slipway.example`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
    /// Largest JSON body, in bytes. Uploads have `limits.context_bytes`.
    pub(crate) body_limit: u64,
    /// How long requests at hand may take to finish after the signal to stop.
    pub(crate) grace_seconds: u64,
    /// Origins whose pages may open WebSockets, besides the server's own; `*` is all.
    pub(crate) allowed_origins: Vec<String>,
    /// Origins whose pages may call the older services' APIs under `/api/v1`, and open the
    /// generator's WebSocket; `*` is all.
    pub(crate) cors_origins: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            tls_cert: None,
            tls_key: None,
            public_url: None,
            body_limit: 2 << 20,
            grace_seconds: 10,
            allowed_origins: Vec::new(),
            cors_origins: vec!["*".into()],
        }
    }
}

impl Http {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        at_least_one("http.body_limit", self.body_limit)?;
        self.tls_files()?;
        self.origins()?;
        self.origins_of_old()?;
        if self.public_url.as_deref().is_some_and(|url| !is_web_address(url)) {
            return Err(invalid("http.public_url", "is no address; write https://slipway.example"));
        }
        self.address().map(drop)
    }

    /// # Errors
    /// When one of `allowed_origins` is none.
    pub(crate) fn origins(&self) -> Result<Origins, SettingsError> {
        origins("http.allowed_origins", &self.allowed_origins)
    }

    /// # Errors
    /// When one of `cors_origins` is none.
    pub(crate) fn origins_of_old(&self) -> Result<Origins, SettingsError> {
        origins("http.cors_origins", &self.cors_origins)
    }

    /// # Errors
    /// When `listen` is no address with a port.
    pub(crate) fn address(&self) -> Result<SocketAddr, SettingsError> {
        address("http.listen", &self.listen)
    }

    /// Certificate and key, where `https` is spoken.
    ///
    /// # Errors
    /// When one of them is there alone.
    pub(crate) fn tls_files(&self) -> Result<Option<(&Path, &Path)>, SettingsError> {
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Ok(Some((cert, key))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(invalid("http.tls_key", "is missing beside http.tls_cert")),
            (None, Some(_)) => Err(invalid("http.tls_cert", "is missing beside http.tls_key")),
        }
    }

    /// Where a client finds the API.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.listen)
    }
}

fn origins(name: &str, list: &[String]) -> Result<Origins, SettingsError> {
    Origins::parse(list).map_err(|bad| {
        let example = "write one such as \"https://ci.example\", or \"*\"";
        invalid(name, format!("{bad:?} is no origin; {example}"))
    })
}

fn is_web_address(text: &str) -> bool {
    let url = Url::parse(text).ok();
    url.is_some_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}
