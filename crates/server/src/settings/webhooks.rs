//! `[webhooks]`: what forges sign with, and how long it is kept what they told.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipway_api::webhooks::ForgeSecrets;
use slipway_domain::Secret;

use super::{SettingsError, at_least_one, invalid, kept, masked};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhooks {
    /// For triggers of GitHub that have no secret of their own.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub(crate) github_secret: Option<Secret>,
    /// The same for Gitea and Forgejo.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub(crate) gitea_secret: Option<Secret>,
    /// The same for GitLab.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    pub(crate) gitlab_secret: Option<Secret>,
    /// How long a delivery is kept. One that comes again later is taken for a new one.
    pub(crate) keep_days: u64,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self { github_secret: None, gitea_secret: None, gitlab_secret: None, keep_days: 30 }
    }
}

impl Webhooks {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        for (key, secret) in [
            ("webhooks.github_secret", &self.github_secret),
            ("webhooks.gitea_secret", &self.gitea_secret),
            ("webhooks.gitlab_secret", &self.gitlab_secret),
        ] {
            // Anybody can sign with nothing.
            if secret.as_ref().is_some_and(|secret| secret.expose().is_empty()) {
                return Err(invalid(key, "is empty, as of a variable that is not set"));
            }
        }
        kept("webhooks.keep_days", self.keep_days, 24)?;
        at_least_one("webhooks.keep_days", self.keep_days)
    }

    pub(crate) fn secrets(&self) -> ForgeSecrets {
        ForgeSecrets {
            github: self.github_secret.clone(),
            gitea: self.gitea_secret.clone(),
            gitlab: self.gitlab_secret.clone(),
        }
    }

    pub(crate) const fn keep(&self) -> Duration {
        Duration::from_secs(self.keep_days.saturating_mul(86_400))
    }
}
