//! `[registries."host"]`: what the operator says of a registry. A login that every build has,
//! unless it brings one of its own, and how workers may reach it.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slipway_domain::{Credentials, RegistryHost, Secret};
use slipway_outbound::AddressPolicy;

use super::{Settings, SettingsError, invalid};

/// Registries under whatever spelling of their names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Registries(BTreeMap<String, Registry>);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Registry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "stars",
        deserialize_with = "not_empty"
    )]
    password: Option<Secret>,
    /// Whether workers may speak plain HTTP to it.
    #[serde(default)]
    plain_http: bool,
}

impl Registries {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.logins().map(drop)
    }

    /// Adds logins for registries that have none here.
    ///
    /// # Errors
    /// When a name that is here already is no registry.
    pub(super) fn add(
        &mut self,
        logins: BTreeMap<RegistryHost, Credentials>,
    ) -> Result<(), SettingsError> {
        let known = self.logins()?;
        for (host, Credentials { username, password }) in logins {
            if known.contains_key(&host) {
                continue;
            }
            let is_it = |name: &&String| RegistryHost::parse(name).is_ok_and(|name| name == host);
            let name = self.0.keys().find(is_it).cloned().unwrap_or_else(|| host.to_string());
            let registry = self.0.entry(name).or_default();
            (registry.username, registry.password) = (Some(username), Some(password));
        }
        Ok(())
    }

    /// Each registry by what it is looked up by.
    fn named(&self) -> Result<BTreeMap<RegistryHost, &Registry>, SettingsError> {
        let mut named = BTreeMap::new();
        for (name, registry) in &self.0 {
            let host = RegistryHost::parse(name).map_err(|_| {
                // Not quoted: it may be a URL with a password in it.
                invalid("registries", "has a name that is no registry; write host or host:port")
            })?;
            if named.insert(host, registry).is_some() {
                return Err(invalid("registries", "names one registry in two spellings"));
            }
        }
        Ok(named)
    }

    fn logins(&self) -> Result<BTreeMap<RegistryHost, Credentials>, SettingsError> {
        let mut logins = BTreeMap::new();
        for (host, Registry { username, password, .. }) in self.named()? {
            let missing = |key: &str, beside: &str| {
                invalid(&format!("registries.{host}.{key}"), format!("is missing beside {beside}"))
            };
            let (username, password) = match (username, password) {
                (Some(username), Some(password)) => (username.clone(), password.clone()),
                (None, None) => continue,
                (Some(_), None) => return Err(missing("password", "the username")),
                (None, Some(_)) => return Err(missing("username", "the password")),
            };
            if username.is_empty() || username.contains(':') {
                let key = format!("registries.{host}.username");
                return Err(invalid(&key, "is empty or has a colon in it"));
            }
            logins.insert(host, Credentials { username, password });
        }
        Ok(logins)
    }

    /// The registries that plain HTTP may be spoken to.
    ///
    /// # Errors
    /// When a name is no registry.
    pub(crate) fn plain_http(&self) -> Result<BTreeSet<RegistryHost>, SettingsError> {
        let plain = self.named()?.into_iter().filter(|(_, registry)| registry.plain_http);
        Ok(plain.map(|(host, _)| host).collect())
    }

    /// The names and addresses of the registries, without their ports. The operator has named
    /// them: they may be reached wherever they are.
    ///
    /// # Errors
    /// When a name is no registry.
    pub(crate) fn hosts(&self) -> Result<Vec<String>, SettingsError> {
        let names = self.named()?.into_keys().map(|host| host.name().to_owned());
        // A spelling such as 127.1 opens nothing: whether it may be reached, its address says.
        Ok(names.filter(|name| AddressPolicy::public_only().allow(&[name]).is_ok()).collect())
    }
}

impl Settings {
    /// The logins for builds that bring none: those of `[registries]`, then those of Docker's
    /// own file.
    ///
    /// # Errors
    /// When a name is no registry, or the file cannot be read.
    pub(crate) fn logins(&self) -> Result<BTreeMap<RegistryHost, Credentials>, SettingsError> {
        let found = self.docker.config_of_docker()?;
        let mut logins = found.map(|found| found.logins).unwrap_or_default();
        logins.extend(self.registries.logins()?);
        Ok(logins)
    }

    /// Says what of Docker's own file is of no use here.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn warn_of_logins(&self) -> Result<(), SettingsError> {
        let found = self.docker.config_of_docker()?;
        for warning in found.map(|found| found.warnings).unwrap_or_default() {
            tracing::warn!("docker.config_file: {warning}");
        }
        Ok(())
    }
}

/// Each push would fail by it. What another program wrote is taken as it is, see
/// [`Registries::add`].
fn not_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    match Option::<Secret>::deserialize(from)? {
        Some(password) if password.expose().is_empty() => {
            Err(D::Error::custom("is empty, as of a variable that is not set"))
        }
        password => Ok(password),
    }
}

fn stars<S: Serializer>(_: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn logins_of_the_settings_win_over_those_of_dockers_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let auths = r#"{"auths": {"docker.io": {"auth": "YTpi"}, "r.example": {"auth": "YTpi"}}}"#;
        std::fs::write(&file, auths).unwrap();
        let toml = format!(
            "[docker]\nconfig_file = \"{}\"\n[registries.\"https://index.docker.io/v1/\"]\n\
             username = \"u\"\npassword = \"p\"",
            file.display()
        );
        let logins = read(&toml).unwrap().logins().unwrap();
        let logins: Vec<_> = logins
            .iter()
            .map(|(registry, login)| (registry.as_str(), login.username.as_str()))
            .collect();
        assert_eq!(logins, [("docker.io", "u"), ("r.example", "a")]);

        let problem = |toml: &str| {
            let logins = read(toml).and_then(|settings| settings.logins());
            logins.unwrap_err().to_string()
        };
        assert!(problem("[docker]\nconfig_file = \"/nowhere\"").contains("docker.config_file"));
        let login = |name: &str, user: &str| {
            format!("[registries.\"{name}\"]\nusername = \"{user}\"\npassword = \"hunter2\"\n")
        };
        for (toml, words) in [
            (login("a b", "u"), "settings: registries: has a name that is no registry"),
            (login("r.example", "u:hunter2"), "settings: registries.r.example.username: "),
            (login("r.example", "u") + &login("R.example", "u"), "in two spellings"),
            ("[registries.\"r.example\"]\nusername = \"u\"".into(), "password: is missing"),
            (
                "[registries.\"r.example\"]\npassword = \"hunter2\"".into(),
                "registries.r.example.username: is missing",
            ),
            ("[registries]\n\"r.example\" = \"hunter2\"".into(), "registries"),
            (
                "[registries.\"r.example\"]\nusername = \"u\"\npassword = \"\"".into(),
                "settings: registries.\"r.example\".password: is empty, as of a variable",
            ),
        ] {
            let problem = problem(&toml);
            assert!(problem.contains(words) && !problem.contains("hunter2"), "{problem}");
        }
    }

    #[test]
    fn registries_without_a_login() {
        let settings = read(
            "[registries.\"r.example:5000\"]\nplain_http = true\n\
             [registries.\"[fd00::7]:443\"]\nusername = \"u\"\npassword = \"p\"\n",
        )
        .unwrap();
        let plain = settings.registries.plain_http().unwrap();
        assert_eq!(plain.iter().map(RegistryHost::as_str).collect::<Vec<_>>(), ["r.example:5000"]);
        assert_eq!(settings.logins().unwrap().len(), 1);
        let hosts = settings.registries.hosts().unwrap();
        assert_eq!(hosts, ["fd00::7", "r.example"]);
        settings.limits.addresses(false, &hosts).unwrap();
    }
}
