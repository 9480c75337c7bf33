//! Which secrets came with a build, by name.
//!
//! They are erased when the build ends, and a retry has to bring them again. One that brings
//! some of them would fail late, or build something else: `RUN --mount=type=secret` runs without
//! a secret that is not there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Secrets;

/// The names of all secrets of a build, as the fields of a retry are called: `secrets.npm`,
/// `ssh.default`, `registry_auth.docker.io`, `source_auth`, `source_url`. It holds no value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretNames(BTreeSet<String>);

impl SecretNames {
    /// Those of these secrets. A token of a source does as well as a login, so both have one
    /// name.
    #[must_use]
    pub fn of(secrets: &Secrets) -> Self {
        let source = &secrets.source;
        let registries = secrets.registry_auth.keys().map(|host| format!("registry_auth.{host}"));
        let build = secrets.build.keys().map(|id| format!("secrets.{id}"));
        let ssh = secrets.ssh.keys().map(|id| format!("ssh.{id}"));
        let headers = source.headers.keys();
        let headers =
            headers.map(|name| format!("source_auth.headers.{}", name.to_ascii_lowercase()));
        let has_login = source.login.is_some() || source.token.is_some();
        let others = [
            (has_login, "source_auth"),
            (source.ssh_key.is_some(), "source_auth.ssh_key"),
            (source.url.is_some(), "source_url"),
        ];
        let others = others.into_iter().filter(|(there, _)| *there);
        Self(
            registries
                .chain(build)
                .chain(ssh)
                .chain(headers)
                .chain(others.map(|(_, name)| name.to_owned()))
                .collect(),
        )
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are not among these secrets.
    #[must_use]
    pub fn missing_in(&self, secrets: &Secrets) -> Vec<String> {
        self.0.difference(&Self::of(secrets).0).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, RegistryHost, Secret, SecretId, SourceSecrets};

    fn secret() -> Secret {
        "hunter2".to_owned().into()
    }

    #[test]
    fn names_and_no_values() {
        let login = Credentials { username: "me".into(), password: secret() };
        let id = |text| SecretId::parse(text).unwrap();
        let all = Secrets {
            registry_auth: [(RegistryHost::normalised("r.example"), login)].into(),
            build: [(id("npm"), secret()), (id("pip"), secret())].into(),
            ssh: [(id("default"), secret())].into(),
            source: SourceSecrets {
                url: Some(secret()),
                token: Some(secret()),
                headers: [("X-Key".to_owned(), secret())].into(),
                ..SourceSecrets::default()
            },
        };
        let names = SecretNames::of(&all);
        let json = serde_json::to_string(&names).unwrap();
        assert_eq!(
            json,
            r#"["registry_auth.r.example","secrets.npm","secrets.pip","source_auth","source_auth.headers.x-key","source_url","ssh.default"]"#
        );
        assert_eq!(serde_json::from_str::<SecretNames>(&json).unwrap(), names);
        assert_eq!(names.missing_in(&all), Vec::<String>::new());
        let mut some = all.clone();
        some.build.remove("npm");
        some.source.url = None;
        // A login in place of a token, and a header in another spelling.
        some.source.token = None;
        some.source.login = Some(Credentials { username: "me".into(), password: secret() });
        some.source.headers = [("x-KEY".to_owned(), secret())].into();
        assert_eq!(names.missing_in(&some), ["secrets.npm", "source_url"]);
    }
}
