//! Registries: the first part of a name, and what logins are looked up by.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ImageRefError;

const DOCKER_HUB: &str = "docker.io";

/// A registry as credentials are looked up by: `host[:port]`, Docker Hub as `docker.io`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct RegistryHost(String);

impl RegistryHost {
    /// Where names without a registry are.
    pub(super) fn docker_hub() -> Self {
        Self(DOCKER_HUB.to_owned())
    }

    /// The host under any of the spellings that clients use as a key for logins:
    /// with a scheme, with a path, and Docker Hub by all its names.
    #[must_use]
    pub fn normalised(spelling: &str) -> Self {
        let bare = spelling.trim();
        let bare = bare.split_once("://").map_or(bare, |(_, rest)| rest);
        let host = bare.split('/').next().unwrap_or(bare).to_ascii_lowercase();
        match host.as_str() {
            "" | DOCKER_HUB | "index.docker.io" | "registry-1.docker.io" | "hub.docker.com" => {
                Self::docker_hub()
            }
            _ => Self(host),
        }
    }

    /// Reads a registry from a request.
    ///
    /// # Errors
    /// When what is left of the spelling is no `host[:port]`.
    pub fn parse(spelling: &str) -> Result<Self, ImageRefError> {
        let host = Self::normalised(spelling);
        if spelling.trim().is_empty() || !is_domain(&host.0) {
            return Err(ImageRefError::Domain(spelling.to_owned()));
        }
        Ok(host)
    }

    /// Whether this is Docker Hub.
    #[must_use]
    pub fn is_docker_hub(&self) -> bool {
        self.0 == DOCKER_HUB
    }

    /// The host without its port: a name, or an address without brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.0.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.0.split(':').next().unwrap_or(&self.0),
        }
    }

    /// `host[:port]`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<String> for RegistryHost {
    fn from(text: String) -> Self {
        Self::normalised(&text)
    }
}

impl From<RegistryHost> for String {
    fn from(host: RegistryHost) -> Self {
        host.0
    }
}

/// Whether what stands before the first slash is meant for a registry.
pub(super) fn is_domain_like(text: &str) -> bool {
    text == "localhost" || text.contains(['.', ':']) || text.bytes().any(|b| b.is_ascii_uppercase())
}

/// Whether it is one.
pub(super) fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, after)) => {
                let good = !address.is_empty()
                    && address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
                if !good {
                    return false;
                }
                match after.strip_prefix(':') {
                    Some(port) => return is_port(port),
                    None => return after.is_empty(),
                }
            }
            None => return false,
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !label.is_empty()
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.split('.').all(label) && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_found_under_any_spelling() {
        for spelling in ["docker.io", "https://index.docker.io/v1/", "index.docker.io", ""] {
            assert!(RegistryHost::normalised(spelling).is_docker_hub(), "{spelling}");
        }
        assert_eq!(
            RegistryHost::normalised("https://R.Example:5000/v2/").as_str(),
            "r.example:5000"
        );
        assert!(RegistryHost::parse("not a host").is_err());
        for (registry, name) in
            [("r.example:5000", "r.example"), ("r.example", "r.example"), ("[::1]:5000", "::1")]
        {
            assert_eq!(RegistryHost::normalised(registry).name(), name);
        }
    }
}
