//! What a worker gets sources with.

use std::path::PathBuf;
use std::sync::Arc;

use slipway_domain::{Failure, Reason};
use slipway_outbound::{AddressPolicy, Fetcher, Guard, authorities_pem};
use url::Url;

use super::temp::Temp;
use crate::registry::{Registries, RegistrySettings};

/// What a worker is told about sources.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    /// Which addresses that users name it may reach.
    pub addresses: AddressPolicy,
    /// Certificates in PEM that are trusted besides the system's, by git too.
    pub extra_roots: Vec<u8>,
    /// GitHub's API, or that of a GitHub Enterprise Server.
    pub github_api: String,
    /// Lines as of OpenSSH's `known_hosts`, for repositories whose builds bring none.
    pub known_hosts: Option<String>,
    /// How it reaches registries that it copies images between.
    pub registries: RegistrySettings,
    /// Where it puts down what it has to look at twice. It makes a folder of its own there.
    pub temp: PathBuf,
}

impl Default for SourceSettings {
    fn default() -> Self {
        Self {
            addresses: AddressPolicy::public_only(),
            extra_roots: Vec::new(),
            github_api: "https://api.github.com".into(),
            known_hosts: None,
            registries: RegistrySettings::default(),
            temp: std::env::temp_dir(),
        }
    }
}

/// The same, ready.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    pub(super) guard: Guard,
    pub(super) fetcher: Fetcher,
    /// Whom the fetcher trusts, for git.
    pub(super) authorities: Option<Arc<str>>,
    pub(super) github: Url,
    pub(super) known_hosts: Option<String>,
    pub(crate) registries: Registries,
    pub(super) temp: Temp,
}

impl Reach {
    /// # Errors
    /// Names the setting that cannot be used.
    pub(crate) fn new(settings: &SourceSettings) -> Result<Self, Failure> {
        let refuse = |problem: String| Failure::new(Reason::Internal, problem);
        let guard = Guard::new(settings.addresses.clone());
        let no_roots = |error| refuse(format!("sources.extra_ca_file: {error}"));
        let fetcher = Fetcher::new(guard.clone(), &settings.extra_roots).map_err(no_roots)?;
        let authorities = authorities_pem(&settings.extra_roots).map_err(no_roots)?;
        // Git refuses an empty file.
        let authorities = (!authorities.is_empty()).then(|| authorities.into());
        let github = Url::parse(&settings.github_api)
            .map_err(|_| refuse("sources.github_api is no address".into()))?;
        let temp = Temp::open(&settings.temp).map_err(|error| {
            refuse(format!("worker.temp_dir {} cannot be used: {error}", settings.temp.display()))
        })?;
        let registries = Registries::new(&settings.registries, &fetcher);
        let known_hosts = settings.known_hosts.clone();
        Ok(Self { guard, fetcher, authorities, github, known_hosts, registries, temp })
    }
}
