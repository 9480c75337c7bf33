//! What a request brings that must never be seen, checked.
//!
//! Errors name the field and never quote what stands where a name should: it may be a URL with
//! a password in it, or the secret itself.

use std::collections::BTreeMap;

use slipway_domain::{
    Credentials, FieldError, RegistryHost, Secret, SecretId, Secrets, SourceSecrets,
};
use slipway_ssh::SshKey;

/// More of each than any build needs, few enough to seal.
const MAX_ENTRIES: usize = 100;
const MAX_LOGIN_BYTES: usize = 64 * 1024;
/// What BuildKit takes (`MaxSecretSize` in session/secrets of moby/buildkit).
const MAX_SECRET_BYTES: usize = 500 * 1024;
/// An RSA key of 4096 bits has about 3 KiB.
const MAX_KEY_BYTES: usize = 16 * 1024;

/// Secrets as they came.
#[derive(Default)]
pub(crate) struct Brought {
    pub(crate) registry_auth: BTreeMap<String, Credentials>,
    pub(crate) secrets: BTreeMap<String, Secret>,
    pub(crate) ssh: BTreeMap<String, Secret>,
    /// Checked by whoever knows the source.
    pub(crate) source: SourceSecrets,
}

/// Checks all of them.
pub(crate) fn check(brought: Brought) -> Result<Secrets, FieldError> {
    Ok(Secrets {
        registry_auth: logins(brought.registry_auth)?,
        build: build_secrets(brought.secrets)?,
        ssh: ssh_keys(brought.ssh)?,
        source: brought.source,
    })
}

/// Logins under whatever spelling of their registries.
fn logins(
    given: BTreeMap<String, Credentials>,
) -> Result<BTreeMap<RegistryHost, Credentials>, FieldError> {
    let refuse = |message: &str| {
        FieldError::new("registry_auth", message)
            .hint("name each registry as host or host:port, Docker Hub as docker.io")
    };
    if given.len() > MAX_ENTRIES {
        return Err(refuse("has more than 100 logins"));
    }
    let mut registry_auth = BTreeMap::new();
    for (registry, login) in given {
        let registry =
            RegistryHost::parse(&registry).map_err(|_| refuse("has a name that is no registry"))?;
        // Logins travel as `username:password` (RFC 7617), which leaves no room for either.
        let username =
            |message: &str| FieldError::new(format!("registry_auth.{registry}.username"), message);
        if login.username.is_empty() {
            return Err(username("is empty; leave the registry out to use it without a login"));
        }
        if login.username.contains(':') {
            return Err(username("has a colon in it, which no username may have")
                .hint("what follows the colon may be the password: that goes into password"));
        }
        if login.username.len() + login.password.expose().len() > MAX_LOGIN_BYTES {
            return Err(refuse("has a login that is larger than 64 KiB"));
        }
        if registry_auth.insert(registry, login).is_some() {
            return Err(refuse("names one registry in two spellings"));
        }
    }
    Ok(registry_auth)
}

fn build_secrets(
    given: BTreeMap<String, Secret>,
) -> Result<BTreeMap<SecretId, Secret>, FieldError> {
    let secrets = by_id("secrets", given)?;
    for (id, secret) in &secrets {
        if secret.expose().len() > MAX_SECRET_BYTES {
            let message = "is larger than 500 KiB, which is all that BuildKit takes";
            return Err(FieldError::new(format!("secrets.{id}"), message));
        }
    }
    Ok(secrets)
}

fn ssh_keys(given: BTreeMap<String, Secret>) -> Result<BTreeMap<SecretId, Secret>, FieldError> {
    let keys = by_id("ssh", given)?;
    for (id, key) in &keys {
        let field = format!("ssh.{id}");
        if key.expose().len() > MAX_KEY_BYTES {
            return Err(FieldError::new(field, "is larger than 16 KiB, which no private key is"));
        }
        if let Err(problem) = SshKey::parse(key.expose()) {
            return Err(FieldError::new(field, problem.to_string()).hint(problem.hint()));
        }
    }
    Ok(keys)
}

fn by_id(
    field: &str,
    given: BTreeMap<String, Secret>,
) -> Result<BTreeMap<SecretId, Secret>, FieldError> {
    if given.len() > MAX_ENTRIES {
        return Err(FieldError::new(field, "has more than 100 entries"));
    }
    let named = given.into_iter().map(|(id, value)| {
        let id = SecretId::parse(&id).ok_or_else(|| {
            // Not quoted: it may be the secret in the wrong place.
            let wrong = id.chars().find(|c| !SecretId::may_have(*c));
            let message = match wrong {
                Some(c) => format!(
                    "has a name of {} characters that is no id: it has {c:?} in it",
                    id.chars().count()
                ),
                None if id.is_empty() => "has an entry without a name".to_owned(),
                None => format!("has a name of {} characters, which is too long", id.len()),
            };
            FieldError::new(field, message).hint(
                "an id is 1 to 128 letters, digits, dots, dashes and underscores, as in \
                 --mount=type=secret,id=npm",
            )
        })?;
        Ok((id, value))
    });
    named.collect()
}
