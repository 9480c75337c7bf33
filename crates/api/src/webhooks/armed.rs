//! The triggers in force: those of the settings file, and those of the database.

use slipway_domain::{Forge, Secret, Trigger, TriggerSecrets};
use slipway_store::StoreError;
use slipway_store::triggers::{self, Kept};

use super::Webhooks;
use crate::Api;

/// A trigger in force.
#[derive(Debug, Clone)]
pub(crate) struct Armed {
    pub(crate) trigger: Trigger,
    pub(crate) secrets: TriggerSecrets,
    /// Its row; `None` where it is in the settings file.
    pub(crate) row: Option<Box<Kept>>,
}

/// All of them: the settings' first, in their order, then the database's by name. A name that
/// the settings have is theirs.
pub(crate) async fn armed(api: &Api) -> Result<Vec<Armed>, StoreError> {
    let mut all: Vec<Armed> = api.webhooks.triggers.iter().map(Armed::set).collect();
    for kept in triggers::all(&api.store).await? {
        if all.iter().any(|armed| armed.trigger.name() == kept.trigger.name()) {
            continue;
        }
        all.push(Armed::kept(kept));
    }
    Ok(all)
}

impl Armed {
    pub(crate) fn set((trigger, secrets): &(Trigger, TriggerSecrets)) -> Self {
        Self { trigger: trigger.clone(), secrets: secrets.clone(), row: None }
    }

    pub(crate) fn kept(kept: Kept) -> Self {
        let (trigger, secrets) = (kept.trigger.clone(), kept.secrets.clone());
        Self { trigger, secrets, row: Some(Box::new(kept)) }
    }

    /// What its deliveries are signed with: its own secret, and where it has none the forge's.
    pub(crate) fn secret<'a>(&'a self, webhooks: &'a Webhooks) -> Option<&'a Secret> {
        self.secrets.secret.as_ref().or_else(|| webhooks.secrets.of(self.trigger.forge()))
    }
}

/// What a delivery of `forge` may be signed with, and for whom: a trigger's own secret signs for
/// it alone, the forge's for all triggers that have none.
pub(super) fn signers(
    forge: Forge,
    armed: &[Armed],
    webhooks: &Webhooks,
) -> Vec<(Secret, Vec<String>)> {
    let mut signers: Vec<(Secret, Vec<String>)> =
        webhooks.secrets.of(forge).map(|secret| (secret.clone(), Vec::new())).into_iter().collect();
    for armed in armed.iter().filter(|armed| armed.trigger.forge() == forge) {
        let Some(secret) = armed.secret(webhooks) else { continue };
        let name = armed.trigger.name().to_string();
        // One pass over a large body for each secret that is another one.
        match signers.iter_mut().find(|(known, _)| known.expose() == secret.expose()) {
            Some((_, names)) => names.push(name),
            None => signers.push((secret.clone(), vec![name])),
        }
    }
    signers
}
