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
}

/// The plaintext form, which only exists between here and the seal.
#[derive(Serialize)]
struct Plain<'a> {
    version: u8,
    registry_auth: BTreeMap<&'a str, PlainCredentials<'a>>,
    secrets: BTreeMap<&'a str, &'a str>,
    ssh: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct PlainCredentials<'a> {
    username: &'a str,
    password: &'a str,
}

/// [`Plain`], read again.
#[derive(Deserialize)]
struct Unsealed {
    version: u8,
    registry_auth: BTreeMap<String, Credentials>,
    secrets: BTreeMap<String, Secret>,
    ssh: BTreeMap<String, Secret>,
}

const VERSION: u8 = 2;

impl Secrets {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.registry_auth.is_empty() && !self.need_buildkit()
    }

    /// Whether there is something that only BuildKit can take.
    #[must_use]
    pub fn need_buildkit(&self) -> bool {
        !self.build.is_empty() || !self.ssh.is_empty()
    }

    /// The values as bytes to be sealed. Never to be stored or logged as they are.
    #[must_use]
    pub fn expose_bytes(&self) -> Vec<u8> {
        let logins: BTreeMap<&str, PlainCredentials<'_>> = self
            .registry_auth
            .iter()
            .map(|(registry, login)| {
                let plain = PlainCredentials {
                    username: &login.username,
                    password: login.password.expose(),
                };
                (registry.as_str(), plain)
            })
            .collect();
        // Maps of strings cannot fail to serialise.
        if self.need_buildkit() {
            let plain = Plain {
                version: VERSION,
                registry_auth: logins,
                secrets: exposed(&self.build),
                ssh: exposed(&self.ssh),
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
        let (logins, secrets, ssh) = match serde_json::from_slice::<Unsealed>(bytes) {
            Ok(Unsealed { version: VERSION, registry_auth, secrets, ssh }) => {
                (registry_auth, secrets, ssh)
            }
            Ok(_) => return Err(OTHER),
            Err(_) => {
                let logins = serde_json::from_slice(bytes).map_err(|_| OTHER)?;
                (logins, BTreeMap::new(), BTreeMap::new())
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
        Ok(Self { registry_auth, build: named(secrets)?, ssh: named(ssh)? })
    }

    /// Every value that must not surface in a log.
    pub fn values(&self) -> impl Iterator<Item = &Secret> {
        let logins = self.registry_auth.values().map(|login| &login.password);
        logins.chain(self.build.values()).chain(self.ssh.values())
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
        };
        let back = Secrets::from_bytes(&secrets.expose_bytes()).unwrap();
        let login = &back.registry_auth[&RegistryHost::normalised("r.example")];
        assert_eq!((login.username.as_str(), login.password.expose()), ("u", "p\"w\n"));
        assert_eq!(back.build["npm"].expose(), "token");
        assert_eq!(back.ssh["default"].expose(), "key\n");
        let values: Vec<&str> = back.values().map(Secret::expose).collect();
        assert_eq!(values, ["p\"w\n", "token", "key\n"]);
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
        Secrets::from_bytes(br#"{"version":3,"registry_auth":{},"secrets":{},"ssh":{}}"#)
            .unwrap_err();
    }
}
