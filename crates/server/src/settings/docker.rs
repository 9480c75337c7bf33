//! `[docker]`: the hosts that builds run on.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use slipway_domain::{HostName, Platform};
use slipway_worker::HostSettings;
use slipway_worker::engine::{BuilderChoice, Engine, EngineSettings};

use super::{SettingsError, at_least_one, invalid};

/// Where Docker listens on a machine that was not set up otherwise.
const USUAL_SOCKET: &str = "unix:///var/run/docker.sock";

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Docker {
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
#[serde(rename_all = "lowercase", try_from = "String")]
pub(crate) enum Builder {
    /// BuildKit where the host has it.
    #[default]
    Auto,
    Buildkit,
    Classic,
}

impl TryFrom<String> for Builder {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        match word.as_str() {
            "auto" => Ok(Self::Auto),
            "buildkit" => Ok(Self::Buildkit),
            "classic" => Ok(Self::Classic),
            _ => Err("must be auto, buildkit or classic"),
        }
    }
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
    pub(super) fn named(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            slots: usual_slots(),
            platforms: Vec::new(),
            builder: Builder::Auto,
        }
    }
}
