//! `[[triggers]]`: what is built when something happens at a forge. More of them can be made over
//! the API; what is here only this file changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use slipway_api::webhooks::Webhooks;
use slipway_domain::{
    FieldError, Forge, Secret, Trigger, TriggerDefinition, TriggerEvent, TriggerSecrets,
    check_arg_names,
};

use super::{Settings, SettingsError, invalid, masked};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Triggers(Vec<SetTrigger>);

/// A trigger as `/api/v2/triggers` has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetTrigger {
    name: String,
    forge: Forge,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    repository: String,
    #[serde(default = "push")]
    events: Vec<TriggerEvent>,
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    image: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dockerfile: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subdir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(default)]
    args: BTreeMap<String, String>,
    #[serde(default = "yes")]
    supersede: bool,
    #[serde(default)]
    forks: bool,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    secret: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "masked")]
    token: Option<Secret>,
}

impl Triggers {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.parse().map(drop)
    }

    fn parse(&self) -> Result<Vec<(Trigger, TriggerSecrets)>, SettingsError> {
        let mut names = BTreeSet::new();
        let mut triggers = Vec::new();
        for set in &self.0 {
            if !names.insert(&set.name) {
                return Err(set.refused(FieldError::new("name", "is there twice")));
            }
            triggers.push(set.parse().map_err(|error| set.refused(error))?);
        }
        Ok(triggers)
    }
}

impl SetTrigger {
    fn parse(&self) -> Result<(Trigger, TriggerSecrets), FieldError> {
        let secrets = TriggerSecrets { secret: self.secret.clone(), token: self.token.clone() };
        check_arg_names(&self.args)?;
        Ok((self.definition().parse()?, secrets.check()?))
    }

    fn refused(&self, error: FieldError) -> SettingsError {
        let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        let problem = format!("{} {}{hint}", error.field, error.message);
        invalid(&format!("the trigger {:?} of [[triggers]]", self.name), problem)
    }

    fn definition(&self) -> TriggerDefinition {
        TriggerDefinition {
            name: self.name.clone(),
            forge: self.forge,
            url: self.url.clone(),
            repository: self.repository.clone(),
            events: self.events.clone(),
            reference: self.reference.clone(),
            image: self.image.clone(),
            dockerfile: self.dockerfile.clone(),
            subdir: self.subdir.clone(),
            platform: self.platform.clone(),
            project: self.project.clone(),
            args: self.args.clone(),
            supersede: self.supersede,
            forks: self.forks,
        }
    }
}

impl Settings {
    /// What the API has to know of webhooks.
    ///
    /// # Errors
    /// When a trigger is none.
    pub(crate) fn webhooks(&self) -> Result<Webhooks, SettingsError> {
        Ok(Webhooks {
            triggers: Arc::new(self.triggers.parse()?),
            secrets: self.webhooks.secrets(),
            github_api: Some(Arc::from(self.sources.github_api.trim_end_matches('/'))),
            public_url: self.http.public_url.as_deref().map(Arc::from),
            ..Webhooks::default()
        })
    }
}

fn push() -> Vec<TriggerEvent> {
    vec![TriggerEvent::Push]
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;

    const WEB: &str = "[[triggers]]\nname = \"web\"\nforge = \"github\"\nrepository = \"**\"\n\
         image = \"r.example/{owner}/{repo}:{tag|branch}\"\nsecret = \"hunter2\"\n\
         token = \"hunter2\"\n";

    #[test]
    fn read_shown_and_read_again() {
        let settings = read(&format!("{WEB}[webhooks]\ngithub_secret = \"hunter2\"\n")).unwrap();
        let webhooks = settings.webhooks().unwrap();
        assert_eq!(webhooks.triggers[0].0.name().as_str(), "web");
        assert_eq!(webhooks.triggers[0].1.token.as_ref().unwrap().expose(), "hunter2");
        let shown = settings.as_toml().unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("secret = \"***\""), "{shown}");
        assert!(!format!("{settings:?} {webhooks:?}").contains("hunter2"));
        read(&shown).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let problem = |toml: &str| read(toml).unwrap_err().to_string();
        let twice = problem(&WEB.repeat(2));
        assert!(twice.contains("\"web\"") && twice.contains("name is there twice"), "{twice}");
        let image = problem(&WEB.replace("{tag|branch}", "{version}"));
        assert!(image.contains("image has {version}, which there is not"), "{image}");
        let empty = problem(&WEB.replace("hunter2", ""));
        assert!(empty.contains("secret is empty"), "{empty}");
        let forge = problem(&WEB.replace("\"github\"", "\"sourcehut\""));
        assert!(forge.contains("triggers"), "{forge}");
        let args = problem(&format!("{WEB}args = {{ \"A B\" = \"hunter2\" }}\n"));
        assert!(args.contains("\"web\"") && args.contains("args has a name that"), "{args}");
        let unknown = problem(&format!("{WEB}brunch = \"x\"\n"));
        assert!(unknown.contains("brunch") && unknown.contains("first [[triggers]]"), "{unknown}");
        let empty = problem("[webhooks]\ngithub_secret = \"\"\n");
        assert!(empty.contains("webhooks.github_secret"), "{empty}");
        assert!(problem("[webhooks]\nkeep_days = 0\n").contains("webhooks.keep_days"));
        assert!(problem("[http]\npublic_url = \"slipway\"\n").contains("http.public_url"));
    }
}
