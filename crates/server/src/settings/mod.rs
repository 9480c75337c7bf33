//! What the operator decides.
//!
//! Defaults are in code, a TOML file goes over them, and `SLIPWAY__SECTION__KEY` variables
//! go over both. Each section is one file here. Names that the old services used are
//! understood in [`old_names`] and nowhere else.

mod blobs;
mod build;
mod database;
mod dialects;
mod docker;
mod docker_config;
mod explain;
mod followers;
mod http;
mod kafka;
mod limits;
mod old_names;
mod queue;
mod registries;
mod retention;
mod secrets;
mod shared;
mod sources;
mod templates;
mod triggers;
mod webhooks;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, Serializer};
use slipway_domain::Secret;
use thiserror::Error;

use self::old_names::{OldName, Surroundings};

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

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The file or a variable does not fit.
    #[error("settings: {}", explain::in_words(.0))]
    Read(#[from] config::ConfigError),
    /// A value does not fit.
    #[error("settings: {key}: {problem}")]
    Value {
        /// `section.key`.
        key: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// They cannot be shown.
    #[error("settings cannot be printed: {0}")]
    Print(#[from] toml::ser::Error),
}

impl Settings {
    /// Reads and checks the settings. `data_dir` is where everything is kept that no
    /// setting puts elsewhere.
    ///
    /// # Errors
    /// Names the key and what to write.
    pub(crate) fn load(file: Option<&Path>, data_dir: &Path) -> Result<Self, SettingsError> {
        let mut sources = config::Config::builder();
        if let Some(file) = file {
            sources = sources.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let variables =
            config::Environment::with_prefix("SLIPWAY").separator("__").try_parsing(true);
        let given = sources.add_source(variables).build()?;
        let mut settings: Self = given.clone().try_deserialize()?;
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

    /// The settings in force as TOML, secrets masked.
    ///
    /// # Errors
    /// When a value has no form in TOML.
    pub(crate) fn as_toml(&self) -> Result<String, SettingsError> {
        let mut shown = self.clone();
        shown.database.url = Some(shown.database.shown(&self.data_dir));
        shown.blobs.url = Some(shown.blobs.url_in(&self.data_dir));
        shown.queue.url = shown.queue.shown();
        shown.secrets = shown.secrets.shown(&self.data_dir);
        let mut text = String::new();
        for old in &self.old_names {
            text.push_str(&format!("# {old}\n"));
        }
        text.push_str(toml::to_string_pretty(&shown)?.trim_end());
        Ok(text)
    }
}

fn invalid(key: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Value { key: key.to_owned(), problem: problem.into() }
}

fn at_least_one(key: &str, value: u64) -> Result<(), SettingsError> {
    if value == 0 { Err(invalid(key, "must be at least 1")) } else { Ok(()) }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, SettingsError> {
    text.parse().map_err(|_| invalid(key, format!("{text:?} is no address; write 127.0.0.1:8080")))
}

/// A secret as it may be shown.
#[expect(clippy::ref_option, reason = "what serde calls it with")]
fn masked<S: Serializer>(_: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("***")
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((login, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    let user = login.split(':').next().unwrap_or_default();
    format!("{scheme}://{user}:***@{place}")
}

#[cfg(test)]
mod tests {
    use slipway_domain::RegistryHost;
    use slipway_store::seal::new_key;

    use super::*;

    fn read(toml: &str) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("slipway.toml");
        std::fs::write(&file, toml).unwrap();
        Settings::load(Some(&file), Path::new("/tmp/data"))
    }

    #[test]
    fn nothing_is_required_and_what_is_in_force_is_shown() {
        let shown = read("").unwrap().as_toml().unwrap();
        assert!(shown.contains("listen = \"127.0.0.1:8080\""), "{shown}");
        assert!(shown.contains("url = \"sqlite:///tmp/data/slipway.db\""), "{shown}");
        // What is shown can be read again.
        read(&shown).unwrap();
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let problem = |toml: &str| read(toml).unwrap_err().to_string();
        assert!(problem("[http]\nlisten = \"nowhere\"").contains("http.listen"));
        assert!(problem("[http]\nlissten = \"127.0.0.1:1\"").contains("lissten"));
        assert!(problem("[http]\ntls_cert = \"/c\"").contains("http.tls_key: is missing"));
        assert!(problem("[http]\ntls_key = \"/k\"").contains("http.tls_cert: is missing"));
        assert!(problem("[worker]\nheartbeat_seconds = 30").contains("worker.heartbeat_seconds"));
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

    #[test]
    fn passwords_are_not_shown() {
        let settings = read(
            "[database]\nurl = \"postgres://u:hunter2@db/slipway\"\n\
             [queue]\nurl = \"amqp://u:hunter2@mq/\"\n[secrets]\nkey = \"hunter2\"\nold_keys = [\"hunter2\", \"hunter2\"]\n\
             [blobs]\nurl = \"s3://b/p\"\nsecret_access_key = \"hunter2\"\n\
             [registries.\"r.example:5000\"]\nusername = \"robot\"\npassword = \"hunter2\"",
        )
        .unwrap();
        let shown = settings.as_toml().unwrap();
        for text in [shown.clone(), format!("{settings:?}").replace("u:hunter2@", "")] {
            assert!(!text.contains("hunter2"), "{text}");
        }
        assert!(shown.contains("postgres://u:***@db/slipway"), "{shown}");
        assert!(shown.contains("amqp://u:***@mq/"), "{shown}");
        assert!(shown.contains("[registries.\"r.example:5000\"]\nusername = \"robot\""), "{shown}");
        assert!(shown.contains("    \"***\",\n    \"***\""), "{shown}");
        assert!(shown.contains("secret_access_key = \"***\""), "{shown}");
        assert!(shown.contains("\nkey = \"***\"") && !shown.contains("key_file"), "{shown}");
    }

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

    #[test]
    fn what_several_processes_share_has_to_be_named() {
        let shared = [
            ("database.url", "[database]\nurl = \"postgres://u@db/slipway\"\n"),
            ("queue.url", "[queue]\nurl = \"amqp://u@mq/\"\n"),
            ("blobs.url", "[blobs]\nurl = \"file:///srv/slipway\"\n"),
        ];
        let mut toml = String::new();
        for (key, section) in shared {
            let refused = read(&toml).unwrap().check_shared("api").unwrap_err().to_string();
            assert!(refused.starts_with(&format!("settings: {key}: `slipwayd api`")), "{refused}");
            toml.push_str(section);
        }
        let settings = read(&toml).unwrap();
        settings.check_shared("api").unwrap();
        let refused = settings.shared_keys("api").unwrap_err().to_string();
        assert!(refused.contains("secrets.key_file") && refused.contains("new-key"), "{refused}");
        toml.push_str(&format!("[secrets]\nkey = \"{}\"\n", new_key().unwrap()));
        read(&toml).unwrap().shared_keys("api").unwrap();
    }
}
