//! The Docker hosts as workers report them, and how many builds run on each.

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::{HostName, Platform, WorkerId};
use sqlx::FromRow;

use crate::db::{Tx, read, write};
use crate::{Store, StoreError};

/// Locks all hosts, in the one order in which everybody does who locks several.
pub(crate) const LOCK_ALL: &str = "SELECT 1 FROM hosts ORDER BY name FOR UPDATE";

/// A host as the API shows it and as waiting builds are explained by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the settings.
    pub name: HostName,
    /// How many builds it takes at once.
    pub slots: u32,
    /// How many run on it now, counted from leases.
    pub running: u32,
    /// Its platform, once it was reached.
    pub platform: Option<Platform>,
    /// All that it builds for, as far as that is known: what its settings name, and else its own.
    pub platforms: Vec<Platform>,
    /// The builder in use, once it was reached: `buildkit` or `classic`.
    pub builder: Option<String>,
    /// Taken out of service by an operator.
    pub drained: bool,
    /// Why it cannot be used now.
    pub problem: Option<String>,
    /// When a worker last looked.
    pub probed_at: DateTime<Utc>,
}

/// What a worker found out about one of its hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Its name in the settings.
    pub name: HostName,
    /// How many builds it takes at once, from the settings.
    pub slots: u32,
    /// Its platform, where it answered.
    pub platform: Option<Platform>,
    /// What it builds for, where the settings name that.
    pub platforms: Vec<Platform>,
    /// The builder in use, where it answered.
    pub builder: Option<String>,
    /// The engine's own id, where it answered.
    pub engine: Option<String>,
    /// Why it cannot be used; `None` when it can.
    pub problem: Option<String>,
}

/// A word of a worker on a host counts for so long. A host of which there is no newer one has no
/// worker.
pub const FRESH: TimeDelta = TimeDelta::seconds(60);

#[derive(FromRow)]
struct Row {
    name: String,
    slots: i32,
    running: i64,
    platform: Option<String>,
    platforms: Option<String>,
    builder: Option<String>,
    drained: bool,
    problem: Option<String>,
    probed_at: DateTime<Utc>,
}

/// Writes down what a worker's probe found, and says whether the host can be used after
/// all: `Some` problem when the probe met one, or when another worker has found another
/// engine under the same name. Whether the host is drained stays as it is.
///
/// # Errors
/// When the database does not answer.
pub async fn report(
    store: &Store,
    worker: WorkerId,
    probe: &Probe,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    const HOST: &str = "INSERT INTO hosts \
         (name, slots, platform, builder, problem, probed_at, platforms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, \
         platforms = excluded.platforms, \
         platform = COALESCE(excluded.platform, hosts.platform), \
         builder = COALESCE(excluded.builder, hosts.builder), probed_at = excluded.probed_at";
    let listed: Vec<&str> = probe.platforms.iter().map(Platform::as_str).collect();
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(HOST)
        .bind(probe.name.as_str())
        .bind(i32::try_from(probe.slots).unwrap_or(i32::MAX))
        .bind(probe.platform.as_ref().map(Platform::as_str))
        .bind(probe.builder.as_deref())
        .bind(probe.problem.as_deref())
        .bind(now)
        .bind((!listed.is_empty()).then(|| listed.join(",")))
        .execute(connection)
        .await
        .map(drop))?;
    let problem = match &probe.problem {
        Some(problem) => Some(problem.clone()),
        None => other_engine(&mut tx, worker, probe, now).await?,
    };
    write_probe(&mut tx, worker, probe, problem.as_deref(), now).await?;
    agree(&mut tx, probe.name.as_str(), now).await?;
    tx.commit().await?;
    Ok(problem)
}

/// Two machines that each call their own engine by one name would count each other's
/// slots, and look for their images in the wrong place.
async fn other_engine(
    tx: &mut Tx,
    worker: WorkerId,
    probe: &Probe,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT count(*) FROM host_probes WHERE host = $1 AND worker <> $2 \
         AND engine <> $3 AND problem IS NULL AND probed_at > $4";
    let Some(engine) = &probe.engine else { return Ok(None) };
    let others: i64 = write!(*tx, connection => sqlx::query_scalar(SQL)
        .bind(probe.name.as_str())
        .bind(worker.as_uuid())
        .bind(engine.as_str())
        .bind(now - FRESH)
        .fetch_one(connection)
        .await)?;
    let problem = "another worker finds another Docker Engine under this name; \
         give each engine a name of its own in docker.hosts";
    Ok((others > 0).then(|| problem.to_owned()))
}

async fn write_probe(
    tx: &mut Tx,
    worker: WorkerId,
    probe: &Probe,
    problem: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO host_probes (host, worker, problem, engine, probed_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host, worker) DO UPDATE SET \
         problem = excluded.problem, engine = excluded.engine, probed_at = excluded.probed_at";
    write!(*tx, connection => sqlx::query(SQL)
        .bind(probe.name.as_str())
        .bind(worker.as_uuid())
        .bind(problem)
        .bind(probe.engine.as_deref())
        .bind(now)
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}

/// A host can be used if any worker can use it: each claims only for those that it reaches
/// itself.
async fn agree(tx: &mut Tx, name: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE hosts SET problem = CASE WHEN EXISTS \
         (SELECT 1 FROM host_probes WHERE host = $1 AND problem IS NULL AND probed_at > $2) \
         THEN NULL ELSE (SELECT problem FROM host_probes WHERE host = $1 \
         ORDER BY problem IS NULL, probed_at DESC LIMIT 1) END WHERE name = $1";
    write!(*tx, connection => sqlx::query(SQL)
        .bind(name)
        .bind(now - FRESH)
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}

/// Takes back what a worker that stops has said of its hosts: a worker that comes in its place may
/// find them otherwise, and is believed at once then.
///
/// # Errors
/// When the database does not answer.
pub async fn leave(store: &Store, worker: WorkerId, now: DateTime<Utc>) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM host_probes WHERE worker = $1";
    // Where nobody else has a word, the last one stands: nobody knows better.
    const OF_OTHERS: &str =
        "SELECT DISTINCT host FROM host_probes WHERE probed_at > $1 ORDER BY host";
    let mut tx = store.begin_locking(LOCK_ALL).await?;
    write!(tx, connection => sqlx::query(FORGET)
        .bind(worker.as_uuid())
        .execute(connection)
        .await
        .map(drop))?;
    let hosts: Vec<String> = write!(tx, connection => sqlx::query_scalar(OF_OTHERS)
        .bind(now - FRESH)
        .fetch_all(connection)
        .await)?;
    for host in hosts {
        agree(&mut tx, &host, now).await?;
    }
    tx.commit().await
}

/// All hosts by name.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn all(store: &Store) -> Result<Vec<Host>, StoreError> {
    const SQL: &str = "SELECT name, slots, platform, platforms, builder, drained, problem, probed_at, \
         (SELECT count(*) FROM leases WHERE leases.host = hosts.name) AS running \
         FROM hosts ORDER BY name";
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL).fetch_all(pool).await)?;
    rows.into_iter().map(from_row).collect()
}

/// Takes a host out of service, or puts it back. `false` when there is no such host.
///
/// # Errors
/// When the database does not answer.
pub async fn set_drained(
    store: &Store,
    name: &HostName,
    drained: bool,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE hosts SET drained = $2 WHERE name = $1";
    let mut tx = store.begin().await?;
    let changed = write!(tx, connection => sqlx::query(SQL)
        .bind(name.as_str())
        .bind(drained)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(changed == 1)
}

/// Forgets hosts that no worker has probed since `before` and that hold no lease, and what
/// workers that are gone said of the others. A host that an operator has drained stays: it
/// would come back undrained.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_unseen(store: &Store, before: DateTime<Utc>) -> Result<u64, StoreError> {
    const SQL: &str = "DELETE FROM hosts WHERE probed_at < $1 AND NOT drained \
         AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.host = hosts.name)";
    const SAID: &str = "DELETE FROM host_probes WHERE probed_at < $1";
    // As a claim locks them: who took them in another order could wait for it, and it for him.
    let mut tx = store.begin_locking(LOCK_ALL).await?;
    write!(tx, connection => sqlx::query(SAID)
        .bind(before)
        .execute(connection)
        .await
        .map(drop))?;
    let gone = write!(tx, connection => sqlx::query(SQL)
        .bind(before)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(gone)
}

/// Forgets a host that is in no settings any more.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(store: &Store, name: &HostName) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM hosts WHERE name = $1";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(name.as_str())
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

impl Host {
    /// Whether builds for `wanted`, or for any where none is, can run on it, as far as is known.
    #[must_use]
    pub fn builds_for(&self, wanted: Option<&Platform>) -> bool {
        wanted.is_none_or(|wanted| self.platforms.is_empty() || self.platforms.contains(wanted))
    }
}

fn from_row(row: Row) -> Result<Host, StoreError> {
    let corrupt = |column, problem: &str| StoreError::Corrupt {
        table: "hosts",
        column,
        row: row.name.clone(),
        problem: problem.into(),
    };
    let own = row.platform.as_deref().map(Platform::parse).transpose();
    let own = own.map_err(|_| corrupt("platform", "no platform"))?;
    let listed = row.platforms.as_deref().unwrap_or_default().split(',').filter(|p| !p.is_empty());
    let listed: Result<Vec<Platform>, _> = listed.map(Platform::parse).collect();
    let listed = listed.map_err(|_| corrupt("platforms", "no platforms"))?;
    Ok(Host {
        name: HostName::parse(&row.name).map_err(|_| corrupt("name", "no host name"))?,
        slots: u32::try_from(row.slots).unwrap_or(0),
        running: u32::try_from(row.running).unwrap_or(u32::MAX),
        platforms: if listed.is_empty() { own.iter().cloned().collect() } else { listed },
        platform: own,
        builder: row.builder,
        drained: row.drained,
        problem: row.problem,
        probed_at: row.probed_at,
    })
}
