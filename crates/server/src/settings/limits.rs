//! `[limits]`: what a request may bring.

use serde::{Deserialize, Serialize};
use slipway_context::ContextLimits;

use super::{SettingsError, at_least_one};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Bytes of a build context, as uploaded and as unpacked.
    pub(crate) context_bytes: u64,
    /// Files, folders and links of a build context.
    pub(crate) context_entries: u64,
    /// Unpacked bytes for each packed one, in contexts over half a gibibyte.
    pub(crate) context_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let ContextLimits { bytes, entries, ratio } = ContextLimits::default();
        Self { context_bytes: bytes, context_entries: entries, context_ratio: ratio }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        at_least_one("limits.context_bytes", self.context_bytes)?;
        at_least_one("limits.context_entries", self.context_entries)?;
        at_least_one("limits.context_ratio", self.context_ratio)
    }

    pub(crate) const fn for_contexts(&self) -> ContextLimits {
        ContextLimits {
            bytes: self.context_bytes,
            entries: self.context_entries,
            ratio: self.context_ratio,
        }
    }
}
