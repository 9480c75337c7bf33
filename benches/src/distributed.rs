//! The same through an API server and a worker of their own, over PostgreSQL and RabbitMQ.

use std::path::Path;

use tokio::process::Command;

use crate::bare::{Bare, Builder};
use crate::daemon::{self, Daemon};
use crate::database::Database;
use crate::error::Error;
use crate::memory;
use crate::one_at_a_time::{self, Parts};
use crate::options::Options;
use crate::side_by_side;
use crate::slipway::Slipway;
use crate::surroundings::Surroundings;
use crate::table::{Row, Table};
use crate::work::Works;

const WANTED_IDLE_MIB: f64 = 30.0;
/// What is wanted of builds through the daemons.
pub(crate) const ONE: f64 = 1.08;
pub(crate) const FOUR: f64 = 0.93;

/// Starts them, adds the rows, and stops them.
pub(crate) async fn measure(
    table: &mut Table,
    options: &Options,
    works: &Works,
    bare: &Bare,
    (binary, folder): (&Path, &Path),
    surroundings: &Surroundings,
) -> Result<Parts, Error> {
    let database = Database::new(&surroundings.database, "slipway_bench").await?;
    let settings = settings(binary, folder, surroundings, &database).await?;
    let migrated = Command::new(binary)
        .arg("migrate")
        .env("SLIPWAY__DATABASE__URL", &database.url)
        .output()
        .await?;
    if !migrated.status.success() {
        return Err(Error::Unexpected(String::from_utf8_lossy(&migrated.stderr).into_owned()));
    }
    let api = Daemon::start_as(binary, "api", &folder.join("api"), &settings).await?;
    let worker = Daemon::start_as(binary, "worker", &folder.join("worker"), &settings).await?;
    let measured = with(table, options, works, bare, &api, &worker).await;
    tokio::join!(api.stop(), worker.stop());
    database.remove().await?;
    measured
}

async fn with(
    table: &mut Table,
    options: &Options,
    works: &Works,
    bare: &Bare,
    api: &Daemon,
    worker: &Daemon,
) -> Result<Parts, Error> {
    for (what, daemon) in [("api", api), ("worker", worker)] {
        let idle = memory::idle(daemon.pid).await?.mib();
        table.add(
            Row::new(format!("{what}: idle, memory"))
                .slipway(format!("{idle:.1} MiB"))
                .wanted(format!("≤ {WANTED_IDLE_MIB} MiB"), idle <= WANTED_IDLE_MIB),
        );
    }
    let slipway = Slipway::new(api);
    let parts =
        one_at_a_time::measure(table, "daemons, ", ONE, options.builds(), works, bare, &slipway)
            .await?;
    side_by_side::measure(table, "daemons, ", FOUR, options.parallel(), works, bare, &slipway)
        .await?;
    Ok(parts)
}

async fn settings(
    binary: &Path,
    folder: &Path,
    surroundings: &Surroundings,
    database: &Database,
) -> Result<String, Error> {
    let key = Command::new(binary).arg("new-key").output().await?;
    let key = String::from_utf8_lossy(&key.stdout).trim().to_owned();
    Ok(format!(
        "{}\n[database]\nurl = {:?}\n[queue]\nurl = {:?}\n[secrets]\nkey = {key:?}\n\
         [blobs]\nurl = \"file://{}/blobs\"\n",
        daemon::toml(surroundings, Builder::Buildkit),
        database.url,
        surroundings.broker,
        folder.display(),
    ))
}
