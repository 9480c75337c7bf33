//! The networks and names that the settings allow: `limits.allowed_addresses`.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use thiserror::Error;
use url::Host;

/// An entry of the list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no network such as 10.1.0.0/16, no address and no host name such as git.internal or *.corp.example"
)]
pub struct AllowListError(pub String);

/// What is allowed besides public addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    networks: Vec<IpNet>,
    names: Vec<String>,
    /// Each begins with a dot.
    suffixes: Vec<String>,
}

impl Allowed {
    pub(super) fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, AllowListError> {
        let mut allowed = Self::default();
        for entry in entries {
            let entry = entry.as_ref().trim();
            allowed.add(entry).ok_or_else(|| AllowListError(entry.to_owned()))?;
        }
        Ok(allowed)
    }

    fn add(&mut self, entry: &str) -> Option<()> {
        if let Ok(network) = entry.parse::<IpNet>() {
            self.networks.push(as_dialled(network));
        } else if let Ok(address) = entry.parse::<IpAddr>() {
            self.networks.push(address.to_canonical().into());
        } else if let Some(parent) = entry.strip_prefix("*.") {
            self.suffixes.push(format!(".{}", name(parent)?));
        } else {
            self.names.push(name(entry)?);
        }
        Some(())
    }

    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// `host` as the `url` crate writes names: lowercase, punycode.
    pub(super) fn has_name(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.names.iter().any(|name| name == host)
            || self.suffixes.iter().any(|suffix| {
                host.strip_suffix(suffix.as_str()).is_some_and(|below| !below.is_empty())
            })
    }
}

/// The same normalisation that the hosts of addresses go through.
fn name(text: &str) -> Option<String> {
    match Host::parse(text).ok()? {
        Host::Domain(name) if !name.contains('*') => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            (!name.is_empty()).then(|| name.to_owned())
        }
        // Other spellings of an address (`127.1`) are no good in settings.
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// A network of mapped addresses is one of IPv4, as which they are looked at.
fn as_dialled(network: IpNet) -> IpNet {
    let inner = match network {
        IpNet::V6(outer) => outer
            .network()
            .to_ipv4_mapped()
            .zip(outer.prefix_len().checked_sub(96))
            .and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()),
        IpNet::V4(_) => None,
    };
    inner.map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_networks() {
        let entries = [
            "10.1.0.0/16",
            "fd12::/16",
            "::ffff:10.9.0.0/112",
            "192.168.7.7",
            "Git.Internal.",
            "*.corp.example",
            "bücher.example",
        ];
        let allowed = Allowed::parse(&entries).unwrap();
        for good in ["10.1.2.3", "fd12::9", "10.9.8.7", "192.168.7.7"] {
            assert!(allowed.has_address(good.parse().unwrap()), "{good}");
        }
        for bad in ["10.2.0.1", "fd13::9", "192.168.7.8", "10.10.0.0"] {
            assert!(!allowed.has_address(bad.parse().unwrap()), "{bad}");
        }
        for good in [
            "git.internal",
            "git.internal.",
            "a.corp.example",
            "a.b.corp.example",
            "xn--bcher-kva.example",
        ] {
            assert!(allowed.has_name(good), "{good}");
        }
        for bad in [
            "corp.example",
            ".corp.example",
            "evilcorp.example",
            "xgit.internal",
            "git.internal.evil.example",
        ] {
            assert!(!allowed.has_name(bad), "{bad}");
        }
    }

    #[test]
    fn entries_that_say_nothing() {
        for bad in [
            "",
            "*",
            "*.",
            "*.*",
            "a.*.example",
            "10.0.0.0/33",
            "10.0.0/8",
            "127.1",
            "http://git.internal",
            "git.internal:443",
            "git.internal/x",
            "a b",
        ] {
            assert_eq!(Allowed::parse(&[bad]), Err(AllowListError(bad.to_owned())), "{bad}");
        }
    }
}
