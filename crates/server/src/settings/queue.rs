//! `[queue]`: what the bells hang on.

use serde::{Deserialize, Serialize};

use super::{SettingsError, invalid, without_password};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Queue {
    /// `local:` within one process; `amqp://user:password@host:5672/vhost` (`amqps://` with
    /// TLS) between many.
    pub(crate) url: String,
}

impl Default for Queue {
    fn default() -> Self {
        Self { url: "local:".into() }
    }
}

impl Queue {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.url == "local:" || self.is_shared() {
            return Ok(());
        }
        Err(invalid("queue.url", "must be local:, or begin with amqp:// or amqps://"))
    }

    /// Whether other processes hear the bells, too.
    pub(crate) fn is_shared(&self) -> bool {
        ["amqp://", "amqps://"].iter().any(|scheme| self.url.starts_with(scheme))
    }

    /// The URL without its password.
    pub(super) fn shown(&self) -> String {
        without_password(&self.url)
    }
}
