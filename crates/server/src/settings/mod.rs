//! What the operator decides.
//!
//! Defaults are in code, a TOML file goes over them, and `SLIPWAY__SECTION__KEY` variables
//! go over both. Each section is one file here. Names that the old services used are
//! understood in [`old_names`] and nowhere else.

mod authorities;
mod blobs;
mod build;
mod database;
mod dialects;
mod docker;
mod docker_config;
mod error;
mod followers;
mod http;
mod kafka;
mod known_hosts;
mod layers;
mod limits;
mod old_names;
mod queue;
mod registries;
mod retention;
mod secrets;
mod shared;
mod show;
mod sources;
mod strict;
mod templates;
mod triggers;
mod webhooks;
mod worker;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::error::{address, at_least_one, at_most, invalid, kept};
use self::old_names::{OldName, Surroundings};
use self::show::{masked, without_password};

pub(crate) use self::error::SettingsError;

/// All settings.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) http: http::Http,
    pub(crate) database: database::Database,
    pub(crate) queue: queue::Queue,
    pub(crate) blobs: blobs::Blobs,
    pub(crate) secrets: secrets::Secrets,
    pub(crate) docker: docker::Docker,
    pub(crate) registries: registries::Registries,
    pub(crate) worker: worker::Worker,
    pub(crate) build: build::Build,
    pub(crate) dialects: dialects::Dialects,
    pub(crate) limits: limits::Limits,
    pub(crate) sources: sources::Sources,
    pub(crate) followers: followers::Followers,
    pub(crate) retention: retention::Retention,
    pub(crate) kafka: kafka::Kafka,
    pub(crate) templates: templates::Templates,
    pub(crate) webhooks: webhooks::Webhooks,
    #[serde(skip_serializing_if = "triggers::Triggers::is_empty")]
    pub(crate) triggers: triggers::Triggers,
    #[serde(skip)]
    pub(crate) data_dir: PathBuf,
    #[serde(skip)]
    old_names: Vec<OldName>,
}

impl Settings {
    /// Reads and checks the settings. `data_dir` is where everything is kept that no
    /// setting puts elsewhere.
    ///
    /// # Errors
    /// Names the key and what to write.
    pub(crate) fn load(file: Option<&Path>, data_dir: &Path) -> Result<Self, SettingsError> {
        let given = layers::read(file, std::env::vars_os())?;
        let mut settings: Self = strict::settings(given.clone())?;
        settings.data_dir = std::path::absolute(data_dir)
            .map_err(|error| invalid("--data-dir", error.to_string()))?;
        let around = Surroundings {
            variable: &|name| std::env::var(name).ok().filter(|value| !value.is_empty()),
            given: &|key| given.get::<config::Value>(key).is_ok(),
            folder: Path::new("."),
        };
        settings.old_names = old_names::apply(&mut settings, &around)?;
        settings.docker.fill_in();
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), SettingsError> {
        self.http.check()?;
        self.database.check()?;
        self.queue.check()?;
        self.blobs.check()?;
        self.secrets.check()?;
        self.docker.check()?;
        self.registries.check()?;
        self.worker.check()?;
        self.build.check()?;
        self.dialects.check()?;
        self.limits.check()?;
        self.sources.check()?;
        self.followers.check()?;
        self.retention.check()?;
        self.kafka.check()?;
        self.templates.check()?;
        self.webhooks.check()?;
        self.triggers.check()
    }

    /// Listens where generator's command line says, `generator web --address A --port P`. What
    /// it does not say stays.
    ///
    /// # Errors
    /// When it is no address.
    pub(crate) fn listen_at(
        &mut self,
        host: Option<IpAddr>,
        port: Option<u16>,
    ) -> Result<(), SettingsError> {
        let mut address = self.http.address()?;
        address.set_ip(host.unwrap_or_else(|| address.ip()));
        address.set_port(port.unwrap_or_else(|| address.port()));
        self.http.listen = address.to_string();
        if host.is_some() || port.is_some() {
            let now = format!("http.listen = {:?}", self.http.listen);
            self.old_names.push(old_names::of_the_command_line(now));
        }
        Ok(())
    }

    /// Says of each old name that was found what it is called now.
    pub(crate) fn warn_of_old_names(&self) {
        for old in &self.old_names {
            tracing::warn!("{old}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A settings file with this in it.
    pub(super) fn read(toml: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("slipway.toml");
        std::fs::write(&file, toml).unwrap();
        Settings::load(Some(&file), Path::new("/tmp/data"))
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let problem = |toml: &str| read(toml).unwrap_err().to_string();
        assert!(problem("[http]\nlisten = \"nowhere\"").contains("http.listen"));
        assert!(problem("[http]\nlissten = \"127.0.0.1:1\"").contains("lissten"));
        assert!(problem("[http]\ntls_cert = \"/c\"").contains("http.tls_key: is missing"));
        assert!(problem("[http]\ntls_key = \"/k\"").contains("http.tls_cert: is missing"));
        assert!(problem("[worker]\nheartbeat_seconds = 30").contains("worker.heartbeat_seconds"));
        // What is kept for longer is kept since no date that a database knows.
        for (section, lines, words) in [
            ("retention", "builds_days = 36501", "retention.builds_days: must be at most 36500"),
            (
                "retention",
                "builds_days = 0\nlogs_to_blobs_days = 4294967295",
                "retention.logs_to_blobs_days: must be at most 36500",
            ),
            ("blobs", "keep_hours = 876001", "blobs.keep_hours: must be at most 876000"),
            ("followers", "keep_days = 4294967295", "followers.keep_days: must be at most 36500"),
            ("webhooks", "keep_days = 36501", "webhooks.keep_days: must be at most 36500"),
            ("worker", "lease_seconds = 86401", "worker.lease_seconds: must be at most 86400"),
        ] {
            let said = problem(&format!("[{section}]\n{lines}"));
            assert!(said.contains(words), "{said}");
        }
        for (args, key) in [
            ("\"A B\" = \"hunter2\"", "build.extra_args: has a name that is empty or has a blank"),
            ("\"\" = \"hunter2\"", "build.extra_args: has a name that is empty or has a blank"),
            ("\"A=B\" = \"hunter2\"", "build.extra_args: has a name"),
            ("A = \"\\u0000\"", "build.extra_args.A: holds a NUL"),
        ] {
            let said = problem(&format!("[build.extra_args]\n{args}"));
            assert!(said.contains(key) && !said.contains("hunter2"), "{said}");
        }
        assert!(problem("[limits]\ncontext_bytes = 0").contains("limits.context_bytes"));
        let too_late = problem("[retention]\nbuilds_days = 7\nlogs_to_blobs_days = 7");
        assert!(too_late.contains("retention.logs_to_blobs_days"), "{too_late}");
        read("[retention]\nbuilds_days = 0\nlogs_to_blobs_days = 700").unwrap();
        assert!(problem("[database]\nurl = \"mysql://x\"").contains("database.url"));
        assert!(problem("[queue]\nurl = \"redis://x\"").contains("queue.url"));
        assert!(problem("[blobs]\nurl = \"gs://b\"").contains("blobs.url"));
        assert!(problem("[worker]\nlisten = \"nowhere\"").contains("worker.listen"));
        assert!(problem("[templates]\nregistry = \"team\"").contains("templates.registry"));
        let base = problem("[templates.base_images]\nnodejs = \"A B\"");
        assert!(base.contains("templates.base_images.nodejs"), "{base}");
        assert!(problem("[secrets]\nkey = \"a\"\nkey_file = \"/b\"").contains("secrets.key"));
        let odd = "[[docker.hosts]]\nname=\"a\"\nurl=\"foo://x\"\n";
        assert!(problem(odd).contains("docker.hosts.url"));
        let twice = "[[docker.hosts]]\nname=\"a\"\nurl=\"unix:///a\"\n";
        assert!(problem(&twice.repeat(2)).contains("docker.hosts"));
        assert!(
            problem("[[docker.hosts]]\nname=\"a b\"\nurl=\"unix:///a\"").contains("docker.hosts")
        );
    }
}
