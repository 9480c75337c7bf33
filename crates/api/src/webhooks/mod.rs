//! What forges tell: webhooks of GitHub, Gitea, Forgejo and GitLab.
//!
//! A delivery is signed, read, and a row before the forge hears of it; it is worked off later,
//! by whichever API server gets to it first. Nothing that a delivery says is believed before its
//! signature was checked, and then by those triggers alone whose secret it was signed with.

mod armed;
mod headers;
mod inbox;
mod payload;
pub(crate) mod receive;
mod signature;
mod status;

use std::sync::Arc;

use slipway_domain::{Forge, Secret, Trigger, TriggerSecrets};
use tokio::sync::Notify;

pub(crate) use armed::{Armed, armed};
pub use inbox::{run, work_one};
pub(crate) use payload::{Told, read};
pub(crate) use receive::{gitea, github, gitlab};

/// What operators have set of webhooks. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Webhooks {
    /// The triggers of the settings file, and what they know.
    pub triggers: Arc<Vec<(Trigger, TriggerSecrets)>>,
    /// What deliveries are signed with, for triggers without a secret of their own.
    pub secrets: ForgeSecrets,
    /// GitHub's API, where the status of its commits is set; `None` where it is not set.
    pub github_api: Option<Arc<str>>,
    /// Where people find this server: what the status of a commit links to.
    pub public_url: Option<Arc<str>>,
    /// Rung when a delivery was taken in.
    pub taken_in: Arc<Notify>,
}

/// A secret for each forge, where there is one.
#[derive(Debug, Clone, Default)]
pub struct ForgeSecrets {
    /// GitHub's.
    pub github: Option<Secret>,
    /// Gitea's and Forgejo's.
    pub gitea: Option<Secret>,
    /// GitLab's.
    pub gitlab: Option<Secret>,
}

impl ForgeSecrets {
    /// That of one forge.
    #[must_use]
    pub const fn of(&self, forge: Forge) -> Option<&Secret> {
        match forge {
            Forge::Github => self.github.as_ref(),
            Forge::Gitea => self.gitea.as_ref(),
            Forge::Gitlab => self.gitlab.as_ref(),
        }
    }
}
