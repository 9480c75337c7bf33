//! `[registries."host"]`: logins that every build has, unless it brings one of its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use slipway_domain::{Credentials, RegistryHost, Secret};

use super::docker_config::DockerConfig;
use super::{Settings, SettingsError, invalid};

/// Logins under whatever spelling of their registries.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Registries(BTreeMap<String, Registry>);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Registry {
    username: String,
    #[serde(serialize_with = "stars")]
    password: Secret,
}

impl Registries {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.logins().map(drop)
    }

    /// The logins by what registries are looked up by.
    fn logins(&self) -> Result<BTreeMap<RegistryHost, Credentials>, SettingsError> {
        let mut logins = BTreeMap::new();
        for (name, Registry { username, password }) in &self.0 {
            let registry = RegistryHost::parse(name).map_err(|_| {
                // Not quoted: it may be a URL with a password in it.
                invalid("registries", "has a name that is no registry; write host or host:port")
            })?;
            if username.is_empty() || username.contains(':') {
                let key = format!("registries.{registry}.username");
                return Err(invalid(&key, "is empty or has a colon in it"));
            }
            let login = Credentials { username: username.clone(), password: password.clone() };
            if logins.insert(registry, login).is_some() {
                return Err(invalid("registries", "names one registry in two spellings"));
            }
        }
        Ok(logins)
    }
}

impl Settings {
    /// The logins for builds that bring none: those of `[registries]`, then those of Docker's
    /// own file. Says what of the file is of no use here.
    ///
    /// # Errors
    /// When a name is no registry, or the file cannot be read.
    pub(crate) fn logins(&self) -> Result<BTreeMap<RegistryHost, Credentials>, SettingsError> {
        let mut logins = match &self.docker.config_file {
            Some(file) => {
                let found = DockerConfig::read(file)
                    .map_err(|problem| invalid("docker.config_file", problem))?;
                for warning in &found.warnings {
                    tracing::warn!("docker.config_file: {warning}");
                }
                found.logins
            }
            None => BTreeMap::new(),
        };
        logins.extend(self.registries.logins()?);
        Ok(logins)
    }
}

fn stars<S: Serializer>(_: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}
