//! What a role refuses at its start, as far as that can be known without a word to anybody and
//! without making anything. The roles ask it first, and `slipwayd config` asks nothing else.

use std::path::Path;

use clap::ValueEnum;
use slipway_queue::Queue;
use slipway_store::Store;
use slipway_store::blobs::Blobs;

use super::Failure;
use crate::parts::certificate::Certificate;
use crate::parts::working::{self, Company};
use crate::settings::Settings;

/// A role that builds are taken or run by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Daemon {
    /// All in one process.
    Standalone,
    /// Takes builds, with others.
    Api,
    /// Runs builds, with others.
    Worker,
}

impl Daemon {
    /// Those that the settings look to be for. Whoever names a broker has several processes.
    pub(crate) fn likely(settings: &Settings) -> &'static [Self] {
        if settings.queue.is_shared() { &[Self::Api, Self::Worker] } else { &[Self::Standalone] }
    }

    const fn company(self) -> Company {
        match self {
            Self::Standalone => Company::Alone,
            Self::Api | Self::Worker => Company::Others,
        }
    }
}

/// # Errors
/// Names the setting, and what is wrong with it.
pub(crate) fn check(settings: &Settings, daemon: Daemon) -> Result<(), Failure> {
    match daemon {
        Daemon::Standalone => {
            folder("--data-dir", &settings.data_dir)?;
            settings.check_own_keys()?;
        }
        Daemon::Api => shared(settings, "api")?,
        Daemon::Worker => shared(settings, "worker")?,
    }
    Store::check_url(&settings.database.url_in(&settings.data_dir))?;
    Blobs::check(&settings.blobs.url_in(&settings.data_dir), &settings.blobs.access())?;
    if matches!(daemon, Daemon::Standalone | Daemon::Api) {
        takes(settings, daemon.company())?;
    }
    if matches!(daemon, Daemon::Standalone | Daemon::Worker) {
        runs(settings, daemon.company())?;
    }
    Ok(())
}

fn shared(settings: &Settings, role: &str) -> Result<(), Failure> {
    settings.check_shared(role)?;
    settings.shared_keys(role)?;
    Ok(Queue::check_url(&settings.queue.url)?)
}

/// What the API has to read.
fn takes(settings: &Settings, company: Company) -> Result<(), Failure> {
    if let Some((cert, key)) = settings.http.tls_files()? {
        Certificate::read(cert, key)?;
    }
    let github = settings.sources.github_host()?;
    settings.limits.addresses(company == Company::Alone, &[github])?;
    settings.sources.extra_roots()?;
    settings.kafka.clusters()?;
    settings.templates.found()?;
    Ok(())
}

/// What a worker has to read.
fn runs(settings: &Settings, company: Company) -> Result<(), Failure> {
    let told = working::told(settings, company)?;
    folder("worker.temp_dir", &told.sources.temp)
}

/// It is made where it is not there, which is for the role to do.
fn folder(setting: &str, path: &Path) -> Result<(), Failure> {
    match path.exists() && !path.is_dir() {
        true => Err(format!("settings: {setting}: {} is no folder", path.display()).into()),
        false => Ok(()),
    }
}
