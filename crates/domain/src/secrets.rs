//! All secrets of one build, and the form in which they are sealed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Credentials, RegistryHost, Secret, SecretId};

/// All secrets of one build.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Logins by registry, for base images and for the push.
    pub registry_auth: BTreeMap<RegistryHost, Credentials>,
    /// What `RUN --mount=type=secret` finds, by its id.
    pub build: BTreeMap<SecretId, Secret>,
    /// Private keys that the agent of `RUN --mount=type=ssh` signs with, by the agent's id.
    pub ssh: BTreeMap<SecretId, Secret>,
    /// What it takes to get the source.
    pub source: SourceSecrets,
}

/// What it takes to get a source. Which of them a source can use is for its kind to say.
#[derive(Debug, Clone, Default)]
pub struct SourceSecrets {
    /// The whole address, where it has a part that is not shown.
    pub url: Option<Secret>,
    /// A login for it.
    pub login: Option<Credentials>,
    /// A token in place of a login.
    pub token: Option<Secret>,
    /// Headers for the request, by name.
    pub headers: BTreeMap<String, Secret>,
    /// The private key of an SSH login.
    pub ssh_key: Option<Secret>,
}

impl SourceSecrets {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { url, login, token, headers, ssh_key } = self;
        url.is_none()
            && login.is_none()
            && token.is_none()
            && headers.is_empty()
            && ssh_key.is_none()
    }

    fn values(&self) -> impl Iterator<Item = &Secret> {
        let login = self.login.as_ref().map(|login| &login.password);
        [login, self.token.as_ref(), self.ssh_key.as_ref()]
            .into_iter()
            .flatten()
            .chain(self.headers.values())
    }
}

/// The plaintext form, which only exists between here and the seal.
#[derive(Serialize)]
struct Plain<'a> {
    version: u8,
    registry_auth: BTreeMap<&'a str, PlainCredentials<'a>>,
    secrets: BTreeMap<&'a str, &'a str>,
    ssh: BTreeMap<&'a str, &'a str>,
    source: PlainSource<'a>,
}

#[derive(Serialize)]
struct PlainCredentials<'a> {
    username: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
struct PlainSource<'a> {
    url: Option<&'a str>,
    login: Option<PlainCredentials<'a>>,
    token: Option<&'a str>,
    headers: BTreeMap<&'a str, &'a str>,
    ssh_key: Option<&'a str>,
}

/// [`Plain`], read again.
#[derive(Deserialize)]
struct Unsealed {
    version: u8,
    registry_auth: BTreeMap<String, Credentials>,
    secrets: BTreeMap<String, Secret>,
    ssh: BTreeMap<String, Secret>,
    source: UnsealedSource,
}

#[derive(Deserialize)]
struct UnsealedSource {
    url: Option<Secret>,
    login: Option<Credentials>,
    token: Option<Secret>,
    headers: BTreeMap<String, Secret>,
    ssh_key: Option<Secret>,
}

const VERSION: u8 = 2;

impl Secrets {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registry_auth.is_empty() && !self.need_buildkit() && self.source.is_empty()
    }

    /// Whether there is something that only BuildKit can take.
    #[must_use]
    pub fn need_buildkit(&self) -> bool {
        !self.build.is_empty() || !self.ssh.is_empty()
    }

    /// The same, with logins for the registries that it has none for.
    #[must_use]
    pub fn or_logins(mut self, others: &BTreeMap<RegistryHost, Credentials>) -> Self {
        for (registry, login) in others {
            self.registry_auth.entry(registry.clone()).or_insert_with(|| login.clone());
        }
        self
    }

    /// The values as bytes to be sealed. Never to be stored or logged as they are.
    #[must_use]
    pub fn expose_bytes(&self) -> Vec<u8> {
        let logins: BTreeMap<&str, PlainCredentials<'_>> = self
            .registry_auth
            .iter()
            .map(|(registry, login)| (registry.as_str(), PlainCredentials::of(login)))
            .collect();
        // Maps of strings cannot fail to serialise.
        if self.need_buildkit() || !self.source.is_empty() {
            let plain = Plain {
                version: VERSION,
                registry_auth: logins,
                secrets: exposed(&self.build),
                ssh: exposed(&self.ssh),
                source: PlainSource::of(&self.source),
            };
            serde_json::to_vec(&plain).unwrap_or_default()
        } else {
            // The form of the first release, which workers of that release can open.
            serde_json::to_vec(&logins).unwrap_or_default()
        }
    }

    /// Reads back what [`Secrets::expose_bytes`] wrote, after unsealing.
    ///
    /// # Errors
    /// When the bytes are of another form; the error does not quote them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        const OTHER: &str = "unsealed secrets are of another form";
        // A number under a name tells the forms apart: the first has logins under all names.
        let (logins, secrets, ssh, source) = match serde_json::from_slice::<Unsealed>(bytes) {
            Ok(Unsealed { version: VERSION, registry_auth, secrets, ssh, source }) => {
                (registry_auth, secrets, ssh, source.into())
            }
            Ok(_) => return Err(OTHER),
            Err(_) => {
                let logins = serde_json::from_slice(bytes).map_err(|_| OTHER)?;
                (logins, BTreeMap::new(), BTreeMap::new(), SourceSecrets::default())
            }
        };
        let registry_auth = logins
            .into_iter()
            .map(|(registry, login)| (RegistryHost::normalised(&registry), login))
            .collect();
        let named = |values: BTreeMap<String, Secret>| {
            let named = values.into_iter().map(|(id, value)| Some((SecretId::parse(&id)?, value)));
            named.collect::<Option<BTreeMap<_, _>>>().ok_or(OTHER)
        };
        Ok(Self { registry_auth, build: named(secrets)?, ssh: named(ssh)?, source })
    }

    /// Every value of which nothing may surface in a log. The address of the source is not among
    /// them: people are to see which it is, and nothing of its query.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        let logins = self.registry_auth.values().map(|login| &login.password);
        logins.chain(self.build.values()).chain(self.ssh.values()).chain(self.source.values())
    }
}

impl<'a> PlainCredentials<'a> {
    fn of(login: &'a Credentials) -> Self {
        Self { username: &login.username, password: login.password.expose() }
    }
}

impl<'a> PlainSource<'a> {
    fn of(source: &'a SourceSecrets) -> Self {
        let headers = source.headers.iter();
        Self {
            url: source.url.as_ref().map(Secret::expose),
            login: source.login.as_ref().map(PlainCredentials::of),
            token: source.token.as_ref().map(Secret::expose),
            headers: headers.map(|(name, value)| (name.as_str(), value.expose())).collect(),
            ssh_key: source.ssh_key.as_ref().map(Secret::expose),
        }
    }
}

impl From<UnsealedSource> for SourceSecrets {
    fn from(read: UnsealedSource) -> Self {
        let UnsealedSource { url, login, token, headers, ssh_key } = read;
        Self { url, login, token, headers, ssh_key }
    }
}

fn exposed(values: &BTreeMap<SecretId, Secret>) -> BTreeMap<&str, &str> {
    values.iter().map(|(id, value)| (id.as_str(), value.expose())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(registry: &str, password: &str) -> BTreeMap<RegistryHost, Credentials> {
        let login = Credentials { username: "u".into(), password: password.to_owned().into() };
        [(RegistryHost::normalised(registry), login)].into()
    }

    fn named(id: &str, value: &str) -> BTreeMap<SecretId, Secret> {
        [(SecretId::parse(id).unwrap(), value.to_owned().into())].into()
    }

    #[test]
    fn debug_shows_stars_only() {
        let secrets = Secrets {
            registry_auth: login("r.example", "hunter2"),
            build: named("npm", "hunter2"),
            ssh: named("default", "hunter2"),
            source: SourceSecrets {
                token: Some("hunter2".to_owned().into()),
                headers: [("X-Key".to_owned(), "hunter2".to_owned().into())].into(),
                ..SourceSecrets::default()
            },
        };
        let shown = format!("{secrets:?} {secrets:#?}");
        assert!(shown.contains("***"));
        assert!(!shown.contains("hunter2"));
    }

    #[test]
    fn sealed_form_and_back() {
        let secrets = Secrets {
            registry_auth: login("r.example", "p\"w\n"),
            build: named("npm", "token"),
            ssh: named("default", "key\n"),
            source: SourceSecrets {
                url: Some("https://h/?sig".to_owned().into()),
                login: login("r.example", "source pw").into_values().next(),
                token: None,
                headers: [("X-Key".to_owned(), "header".to_owned().into())].into(),
                ssh_key: Some("another key".to_owned().into()),
            },
        };
        let back = Secrets::from_bytes(&secrets.expose_bytes()).unwrap();
        let login = &back.registry_auth[&RegistryHost::normalised("r.example")];
        assert_eq!((login.username.as_str(), login.password.expose()), ("u", "p\"w\n"));
        assert_eq!(back.build["npm"].expose(), "token");
        assert_eq!(back.ssh["default"].expose(), "key\n");
        assert_eq!(back.source.url.as_ref().unwrap().expose(), "https://h/?sig");
        let values: Vec<&str> = back.values().map(Secret::expose).collect();
        assert_eq!(values, ["p\"w\n", "token", "key\n", "source pw", "another key", "header"]);
    }

    #[test]
    fn logins_alone_are_sealed_as_in_the_first_release() {
        // Also where registries have the names of the later form's fields.
        for registry in ["r.example", "secrets", "version"] {
            let secrets = Secrets { registry_auth: login(registry, "pw"), ..Secrets::default() };
            let bytes = secrets.expose_bytes();
            let text = format!(r#"{{"{registry}":{{"username":"u","password":"pw"}}}}"#);
            assert_eq!(String::from_utf8(bytes.clone()).unwrap(), text);
            let back = Secrets::from_bytes(&bytes).unwrap();
            assert!(back.build.is_empty());
            assert_eq!(back.registry_auth.len(), 1);
        }
        Secrets::from_bytes(
            br#"{"version":3,"registry_auth":{},"secrets":{},"ssh":{},"source":{}}"#,
        )
        .unwrap_err();
    }
}
