//! Docker's own `config.json`, for the logins in it.
//!
//! What `docker login` writes, and what a Kubernetes secret of the type
//! `kubernetes.io/dockerconfigjson` holds (cli/config/configfile in docker/cli).

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use slipway_domain::{Credentials, RegistryHost, Secret};

/// What was found in the file.
#[derive(Debug)]
pub(super) struct DockerConfig {
    pub(super) logins: BTreeMap<RegistryHost, Credentials>,
    /// What it has that is of no use here.
    pub(super) warnings: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: String,
}

#[derive(Deserialize)]
struct Auth {
    /// Base64 of `username:password`.
    #[serde(default)]
    auth: Option<Secret>,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Option<Secret>,
    #[serde(default, rename = "identitytoken")]
    token: Option<Secret>,
}

impl DockerConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it, without a word of its content.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        Self::parse(&text).map_err(|problem| format!("{} {problem}", path.display()))
    }

    /// Reads what is below `auths` in the file, by itself or below that name.
    ///
    /// # Errors
    /// What is wrong with it, without a word of its content.
    pub(super) fn of_logins(text: &str) -> Result<Self, String> {
        let refuse = || {
            "is no JSON object of logins, such as {\"registry.example\": {\"username\": \"…\", \
             \"password\": \"…\"}}"
                .to_owned()
        };
        let value: serde_json::Value = serde_json::from_str(text).map_err(|_| refuse())?;
        let file = match value.get("auths") {
            Some(_) => value,
            None => serde_json::json!({ "auths": value }),
        };
        Self::of_file(serde_json::from_value(file).map_err(|_| refuse())?)
    }

    fn parse(text: &str) -> Result<Self, String> {
        // The library's words may quote a value.
        let file: File = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("is no config.json of Docker: see line {line}, column {column}")
        })?;
        Self::of_file(file)
    }

    fn of_file(file: File) -> Result<Self, String> {
        let mut found = Self { logins: BTreeMap::new(), warnings: Vec::new() };
        for (name, auth) in file.auths {
            let Ok(registry) = RegistryHost::parse(&name) else {
                found.warnings.push("a name in auths is no registry, and is passed over".into());
                continue;
            };
            // `docker login` leaves an empty entry where a helper keeps the login.
            if let Some(login) =
                auth.login().map_err(|what| format!("has {what} for {registry}"))?
            {
                found.logins.insert(registry, login);
            }
        }
        let advice = "no program is run for a login here; give it under [registries]";
        for (registry, helper) in file.helpers {
            found.warnings.push(format!(
                "the credential helper {helper:?} for {registry:?} is not asked: {advice}"
            ));
        }
        if !file.store.is_empty() {
            let store = file.store;
            found.warnings.push(format!("the credential store {store:?} is not asked: {advice}"));
        }
        Ok(found)
    }
}

impl Auth {
    fn login(self) -> Result<Option<Credentials>, &'static str> {
        if let Some(token) = self.token.filter(|token| !token.expose().is_empty()) {
            return Ok(Some(Credentials::identity_token(token)));
        }
        if let Some(auth) = self.auth.filter(|auth| !auth.expose().is_empty()) {
            const OTHER: &str = "an auth that is no base64 of username:password";
            let bytes = STANDARD.decode(auth.expose().trim()).map_err(|_| OTHER)?;
            let pair = String::from_utf8(bytes).map_err(|_| OTHER)?;
            let (username, password) = pair.split_once(':').ok_or(OTHER)?;
            // Docker's own reader drops these, which old releases wrote.
            let password = password.trim_end_matches('\0').to_owned();
            return Ok(Some(Credentials {
                username: username.to_owned(),
                password: password.into(),
            }));
        }
        let username = self.username;
        Ok(self
            .password
            .filter(|_| !username.is_empty())
            .map(|password| Credentials { username, password }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_in_each_of_their_forms() {
        let found = DockerConfig::parse(
            r#"{
                "auths": {
                    "https://index.docker.io/v1/": {"auth": "dTpwOnc="},
                    "R.example:5000": {"username": "u", "password": "pw"},
                    "ghcr.io": {"auth": "", "identitytoken": "tok"},
                    "https://kept.example/v2/": {},
                    "no registry": {"auth": "dTpw"}
                },
                "credHelpers": {"gcr.io": "gcloud"},
                "credsStore": "desktop",
                "HttpHeaders": {"User-Agent": "x"}
            }"#,
        )
        .unwrap();
        let logins: Vec<_> = found
            .logins
            .iter()
            .map(|(registry, login)| {
                (registry.as_str(), login.username.as_str(), login.password.expose())
            })
            .collect();
        let expected = [
            ("docker.io", "u", "p:w"),
            ("ghcr.io", "<token>", "tok"),
            ("r.example:5000", "u", "pw"),
        ];
        assert_eq!(logins, expected);
        assert!(found.logins[&RegistryHost::normalised("ghcr.io")].is_identity_token());
        let warnings = found.warnings.join("\n");
        assert!(warnings.contains("gcloud") && warnings.contains("gcr.io"), "{warnings}");
        assert!(warnings.contains("desktop") && warnings.contains("no registry"), "{warnings}");
    }

    #[test]
    fn what_is_wrong_is_told_without_a_word_of_it() {
        for text in [
            r#"{"auths": {"r.example": {"auth": "hunter2"}}}"#,
            r#"{"auths": {"r.example": {"auth": "aHVudGVyMg=="}}}"#,
            r#"{"auths": {"r.example": "hunter2"}}"#,
            r#"{"auths": "hunter2"}"#,
            "hunter2",
        ] {
            let problem = DockerConfig::parse(text).unwrap_err();
            assert!(!problem.contains("hunter2") && !problem.contains("aHV"), "{problem}");
        }
    }
}
