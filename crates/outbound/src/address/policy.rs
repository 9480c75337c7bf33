//! The verdict on one address.

use std::net::IpAddr;

use super::allowed::Allowed;
use super::inside::inside;
use super::{AddressKind, AllowListError, Refused};

/// What may be reached besides public addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    private: bool,
    loopback: bool,
    allowed: Allowed,
}

impl AddressPolicy {
    /// Public addresses and nothing else.
    #[must_use]
    pub fn public_only() -> Self {
        Self::default()
    }

    /// Whether private networks may be reached (`limits.allow_private_addresses`): see
    /// [`AddressKind::is_private`]. Loopback, link-local addresses and the metadata of clouds
    /// stay closed.
    #[must_use]
    pub fn allow_private(mut self, allow: bool) -> Self {
        self.private = allow;
        self
    }

    /// Whether this machine itself may be reached.
    #[must_use]
    pub fn allow_loopback(mut self, allow: bool) -> Self {
        self.loopback = allow;
        self
    }

    /// The networks and names that may be reached whatever they are
    /// (`limits.allowed_addresses`), in place of those given before. An entry is a network
    /// (`10.1.0.0/16`), an address, a host name (`git.internal`), or all names below one
    /// (`*.corp.example`, any number of labels; not `corp.example` itself).
    ///
    /// A name permits whatever it resolves to, except the metadata of a cloud: names are
    /// often in more hands than the settings are. Only an entry by its address opens that.
    ///
    /// # Errors
    /// Names the entry that is none of these.
    pub fn allow<T: AsRef<str>>(mut self, entries: &[T]) -> Result<Self, AllowListError> {
        self.allowed = Allowed::parse(entries)?;
        Ok(self)
    }

    /// Whether `host`, which resolved to `address`, may be reached there. `host` is written
    /// as the `url` crate does: lowercase, punycode.
    ///
    /// # Errors
    /// Says what the address is, and how it could be allowed.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let refused = |kind| Refused { host: host.to_owned(), address, kind };
        match self.refuses(address.to_canonical()) {
            None => Ok(()),
            Some(kind) if kind != AddressKind::CloudMetadata && self.allowed.has_name(host) => {
                Ok(())
            }
            Some(kind) => Err(refused(kind)),
        }
    }

    /// What speaks against an address, if anything does.
    fn refuses(&self, address: IpAddr) -> Option<AddressKind> {
        if self.allowed.has_address(address) {
            return None;
        }
        if let IpAddr::V6(outer) = address {
            let carried = inside(outer).into_iter().find_map(|inner| self.refuses(inner.into()));
            if carried.is_some() {
                return carried;
            }
        }
        let kind = AddressKind::of(address);
        let open = kind == AddressKind::Public
            || (kind == AddressKind::Loopback && self.loopback)
            || (kind.is_private() && self.private);
        (!open).then_some(kind)
    }
}
