//! `[limits]`: what a request may bring.

use serde::{Deserialize, Serialize};
use slipway_context::ContextLimits;
use slipway_outbound::AddressPolicy;

use super::{SettingsError, at_least_one, invalid};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Bytes of a build context, as uploaded and as unpacked.
    pub(crate) context_bytes: u64,
    /// Files, folders and links of a build context.
    pub(crate) context_entries: u64,
    /// Unpacked bytes for each packed one, and half a gibibyte on top.
    pub(crate) context_ratio: u64,
    /// Whether what users name may be fetched from private networks.
    pub(crate) allow_private_addresses: bool,
    /// Whether it may be fetched from the machine itself; by default only where everything is
    /// one process on it.
    pub(crate) allow_loopback_addresses: Option<bool>,
    /// Networks, addresses and host names that may be reached whatever they are.
    pub(crate) allowed_addresses: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        let ContextLimits { bytes, entries, ratio } = ContextLimits::default();
        Self {
            context_bytes: bytes,
            context_entries: entries,
            context_ratio: ratio,
            allow_private_addresses: false,
            allow_loopback_addresses: None,
            allowed_addresses: Vec::new(),
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        at_least_one("limits.context_bytes", self.context_bytes)?;
        at_least_one("limits.context_entries", self.context_entries)?;
        at_least_one("limits.context_ratio", self.context_ratio)?;
        self.addresses(false, &[]).map(drop)
    }

    /// What may be reached of what users name. `is_alone` says that all is one process on one
    /// machine; `besides` are hosts that the operator names elsewhere in the settings.
    ///
    /// # Errors
    /// Names the entry that is no network, address or host name.
    pub(crate) fn addresses(
        &self,
        is_alone: bool,
        besides: &[String],
    ) -> Result<AddressPolicy, SettingsError> {
        let entries: Vec<&str> =
            self.allowed_addresses.iter().chain(besides).map(String::as_str).collect();
        AddressPolicy::public_only()
            .allow_private(self.allow_private_addresses)
            .allow_loopback(self.allow_loopback_addresses.unwrap_or(is_alone))
            .allow(&entries)
            .map_err(|error| invalid("limits.allowed_addresses", error.to_string()))
    }

    pub(crate) const fn for_contexts(&self) -> ContextLimits {
        ContextLimits {
            bytes: self.context_bytes,
            entries: self.context_entries,
            ratio: self.context_ratio,
        }
    }
}
