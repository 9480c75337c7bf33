//! An API server and workers of the bench's own, over a database of their own.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::daemon::{Daemon, SLOTS};
use crate::database::Database;
use crate::error::Error;
use crate::slipway::Slipway;
use crate::surroundings::Surroundings;

/// What runs. [`House::close`] stops it and drops the database.
#[derive(Debug)]
pub(crate) struct House {
    binary: PathBuf,
    folder: PathBuf,
    settings: String,
    pub(crate) database: Database,
    pub(crate) api: Daemon,
    pub(crate) workers: Vec<Daemon>,
}

impl House {
    /// An API server, without a worker yet. `name` is its database's.
    pub(crate) async fn open(
        name: &'static str,
        (binary, folder): (&Path, &Path),
        surroundings: &Surroundings,
        engines: &[&str],
    ) -> Result<Self, Error> {
        Self::open_with(name, (binary, folder), surroundings, engines, "").await
    }

    /// The same, with these settings besides.
    pub(crate) async fn open_with(
        name: &'static str,
        (binary, folder): (&Path, &Path),
        surroundings: &Surroundings,
        engines: &[&str],
        besides: &str,
    ) -> Result<Self, Error> {
        let folder = folder.join(name);
        let database = Database::new(&surroundings.database, name).await?;
        let settings = settings(binary, &folder, surroundings, &database, engines).await?;
        let settings = settings + besides;
        let migrated = Command::new(binary)
            .arg("migrate")
            .env("SLIPWAY__DATABASE__URL", &database.url)
            .output()
            .await?;
        if !migrated.status.success() {
            return Err(Error::Unexpected(String::from_utf8_lossy(&migrated.stderr).into_owned()));
        }
        let api = Daemon::start_as(binary, "api", &folder.join("api"), &settings).await?;
        let binary = binary.to_owned();
        Ok(Self { binary, folder, settings, database, api, workers: Vec::new() })
    }

    /// One worker more.
    pub(crate) async fn add_worker(&mut self) -> Result<(), Error> {
        let folder = self.folder.join(format!("worker{}", self.workers.len()));
        let worker = Daemon::start_as(&self.binary, "worker", &folder, &self.settings).await?;
        self.workers.push(worker);
        Ok(())
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Slipway {
        Slipway::new(&self.api)
    }

    pub(crate) async fn close(self) -> Result<(), Error> {
        self.api.stop().await;
        for worker in self.workers {
            worker.stop().await;
        }
        self.database.remove().await
    }
}

async fn settings(
    binary: &Path,
    folder: &Path,
    surroundings: &Surroundings,
    database: &Database,
    engines: &[&str],
) -> Result<String, Error> {
    let key = Command::new(binary).arg("new-key").output().await?;
    let key = String::from_utf8_lossy(&key.stdout).trim().to_owned();
    let mut toml = format!(
        "[worker]\nconcurrency = {}\ntemp_dir = \"{}/tmp\"\n[database]\nurl = {:?}\n[queue]\nurl = {:?}\n\
         [secrets]\nkey = {key:?}\n[blobs]\nurl = \"file://{}/blobs\"\n",
        SLOTS * engines.len(),
        folder.display(),
        database.url,
        surroundings.broker,
        folder.display(),
    );
    for (number, url) in engines.iter().enumerate() {
        toml += &format!(
            "[[docker.hosts]]\nname = \"bench{number}\"\nurl = {url:?}\nslots = {SLOTS}\n\
             builder = \"buildkit\"\n"
        );
    }
    Ok(toml)
}
