//! `[followers]`: how those are told who follow builds without asking.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_domain::Secret;
use slipway_follow::push::{PushSettings, SigningKey};

use super::{SettingsError, at_least_one, invalid, kept, masked};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Followers {
    /// Signs webhooks of followers that brought no key: `whsec_` and base64.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub(crate) signing_key: Option<Secret>,
    /// How long a receiver may take for its answer.
    pub(crate) answer_seconds: u64,
    /// Followers that one API server tells at once.
    pub(crate) at_once: usize,
    /// The most of them at one host.
    pub(crate) at_one_host: usize,
    /// How long tries are kept, and the addresses of followers that are over.
    pub(crate) keep_days: u32,
}

impl Default for Followers {
    fn default() -> Self {
        let PushSettings { answer, at_once, at_one_host, .. } = PushSettings::default();
        Self {
            signing_key: None,
            answer_seconds: answer.as_secs(),
            at_once,
            at_one_host,
            keep_days: 7,
        }
    }
}

impl Followers {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        at_least_one("followers.answer_seconds", self.answer_seconds)?;
        at_least_one("followers.at_once", u64::try_from(self.at_once).unwrap_or(u64::MAX))?;
        at_least_one("followers.at_one_host", u64::try_from(self.at_one_host).unwrap_or(u64::MAX))?;
        kept("followers.keep_days", self.keep_days.into(), 24)?;
        self.key().map(drop)
    }

    fn key(&self) -> Result<Option<SigningKey>, SettingsError> {
        let key = self.signing_key.as_ref().map(SigningKey::parse).transpose();
        key.map_err(|error| invalid("followers.signing_key", error.to_string()))
    }

    /// # Errors
    /// When the key is none.
    pub(crate) fn push(&self) -> Result<PushSettings, SettingsError> {
        Ok(PushSettings {
            signing_key: self.key()?,
            answer: Duration::from_secs(self.answer_seconds),
            at_once: self.at_once,
            at_one_host: self.at_one_host,
            ..PushSettings::default()
        })
    }

    pub(crate) const fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_days as u64 * 86_400)
    }
}
