//! `[docker]`: the hosts that builds run on.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use slipway_domain::{HostName, Platform};
use slipway_worker::HostSettings;
use slipway_worker::engine::{BuilderChoice, Engine, EngineSettings, TlsFiles};

use super::docker_config::DockerConfig;
use super::{SettingsError, at_least_one, invalid};

/// Where Docker listens on a machine that was not set up otherwise.
const USUAL_SOCKET: &str = "unix:///var/run/docker.sock";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Docker {
    /// A `config.json` of Docker: its logins are those of builds that bring none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) config_file: Option<PathBuf>,
    /// This machine's Docker socket where none is listed.
    pub(crate) hosts: Vec<Host>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Host {
    /// How it is called in rows, logs and answers.
    pub(crate) name: String,
    /// `unix:///path`, `tcp://host:port`.
    pub(crate) url: String,
    /// Files in PEM for TLS with certificates on both sides, as `dockerd --tlsverify` wants
    /// it: the engine's authority, our certificate, its key. All three or none.
    #[serde(default)]
    pub(crate) tls_ca: Option<PathBuf>,
    #[serde(default)]
    pub(crate) tls_cert: Option<PathBuf>,
    #[serde(default)]
    pub(crate) tls_key: Option<PathBuf>,
    /// Allows tcp without TLS to another machine. Whoever else reaches that port is root there.
    #[serde(default)]
    pub(crate) plain_tcp: bool,
    /// How many builds it takes at once.
    #[serde(default = "usual_slots")]
    pub(crate) slots: u32,
    /// Platforms that it builds for; its own where none is listed.
    #[serde(default)]
    pub(crate) platforms: Vec<String>,
    /// `auto`, `buildkit` or `classic`.
    #[serde(default)]
    pub(crate) builder: Builder,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Builder {
    /// BuildKit where the host has it.
    #[default]
    Auto,
    Buildkit,
    Classic,
}

const fn usual_slots() -> u32 {
    4
}

impl Docker {
    pub(super) fn fill_in(&mut self) {
        if self.hosts.is_empty() {
            self.hosts.push(Host::named("local", USUAL_SOCKET));
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let mut names = BTreeSet::new();
        for host in &self.hosts {
            if !names.insert(&host.name) {
                let problem = format!("two hosts are called {:?}", host.name);
                return Err(invalid("docker.hosts", problem));
            }
            at_least_one("docker.hosts.slots", host.slots.into())?;
        }
        for host in self.for_worker()? {
            // Talks to nobody yet; only looks whether the URL is one.
            Engine::connect(&host.engine).map_err(|failure| {
                let hint = failure.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                invalid("docker.hosts.url", failure.message + &hint)
            })?;
        }
        Ok(())
    }

    /// What Docker's own file holds, where one is named.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn config_of_docker(&self) -> Result<Option<DockerConfig>, SettingsError> {
        let read = self.config_file.as_deref().map(DockerConfig::read).transpose();
        read.map_err(|problem| invalid("docker.config_file", problem))
    }

    /// Says at the start which hosts there are.
    pub(crate) fn greet(&self) {
        for host in &self.hosts {
            tracing::info!("host  {}: {} ({} slots)", host.name, host.url, host.slots);
        }
    }

    /// The hosts as the worker takes them.
    ///
    /// # Errors
    /// When a name or platform does not parse.
    pub(crate) fn for_worker(&self) -> Result<Vec<HostSettings>, SettingsError> {
        self.hosts
            .iter()
            .map(|host| {
                let refuse = |error: slipway_domain::FieldError| {
                    let hint = error.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                    invalid(&format!("docker.hosts.{}", error.field), error.message + &hint)
                };
                let name = HostName::parse(&host.name).map_err(refuse)?;
                let platforms = host.platforms.iter().map(|text| Platform::parse(text));
                Ok(HostSettings {
                    engine: EngineSettings {
                        name,
                        url: host.url.clone(),
                        tls: host.tls()?,
                        plain_tcp: host.plain_tcp,
                        builder: match host.builder {
                            Builder::Auto => BuilderChoice::Auto,
                            Builder::Buildkit => BuilderChoice::Buildkit,
                            Builder::Classic => BuilderChoice::Classic,
                        },
                    },
                    slots: host.slots,
                    platforms: platforms.collect::<Result<_, _>>().map_err(refuse)?,
                })
            })
            .collect()
    }
}

impl Host {
    fn tls(&self) -> Result<Option<TlsFiles>, SettingsError> {
        match (&self.tls_ca, &self.tls_cert, &self.tls_key) {
            (None, None, None) => Ok(None),
            (Some(ca), Some(cert), Some(key)) => {
                Ok(Some(TlsFiles { ca: ca.clone(), cert: cert.clone(), key: key.clone() }))
            }
            (_, cert, key) => {
                let missing = match (cert, key) {
                    (None, _) => "tls_cert",
                    (_, None) => "tls_key",
                    (Some(_), Some(_)) => "tls_ca",
                };
                let problem = format!(
                    "is missing for {:?}; tls_ca, tls_cert and tls_key go together, since an \
                     engine that asks for no certificate lets in whoever reaches it",
                    self.name
                );
                Err(invalid(&format!("docker.hosts.{missing}"), problem))
            }
        }
    }

    pub(super) fn named(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
            plain_tcp: false,
            slots: usual_slots(),
            platforms: Vec::new(),
            builder: Builder::Auto,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;

    #[test]
    fn hosts_over_tcp() {
        let host = |more: &str| {
            read(&format!("[[docker.hosts]]\nname=\"a\"\nurl=\"tcp://build-1\"\n{more}"))
        };
        let problem = |more: &str| host(more).unwrap_err().to_string();
        let plain = problem("");
        assert!(
            plain.contains("root on the host") && plain.contains("plain_tcp = true"),
            "{plain}"
        );
        host("plain_tcp = true").unwrap();
        let all = "tls_ca = \"/c/ca.pem\"\ntls_cert = \"/c/cert.pem\"\ntls_key = \"/c/key.pem\"\n";
        let shown = host(all).unwrap().as_toml().unwrap();
        assert!(shown.contains("tls_key = \"/c/key.pem\""), "{shown}");
        for missing in ["tls_ca", "tls_cert", "tls_key"] {
            let rest = all.lines().filter(|line| !line.starts_with(missing));
            let problem = problem(&rest.collect::<Vec<_>>().join("\n"));
            assert!(problem.contains(&format!("docker.hosts.{missing}: is missing")), "{problem}");
        }
    }
}
