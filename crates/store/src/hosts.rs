//! The Docker hosts as workers report them, and how many builds run on each.

use chrono::{DateTime, Utc};
use slipway_domain::{HostName, Platform};
use sqlx::FromRow;

use crate::db::{read, write};
use crate::{Store, StoreError};

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
    /// The builder in use, where it answered.
    pub builder: Option<String>,
    /// Why it cannot be used; `None` when it can.
    pub problem: Option<String>,
}

#[derive(FromRow)]
struct Row {
    name: String,
    slots: i32,
    running: i64,
    platform: Option<String>,
    builder: Option<String>,
    drained: bool,
    problem: Option<String>,
    probed_at: DateTime<Utc>,
}

/// Writes down what a probe found. Whether the host is drained stays as it is.
///
/// # Errors
/// When the database does not answer.
pub async fn report(store: &Store, probe: &Probe, now: DateTime<Utc>) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO hosts (name, slots, platform, builder, problem, probed_at) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (name) DO UPDATE SET slots = excluded.slots, \
         platform = COALESCE(excluded.platform, hosts.platform), \
         builder = COALESCE(excluded.builder, hosts.builder), \
         problem = excluded.problem, probed_at = excluded.probed_at";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(probe.name.as_str())
        .bind(i32::try_from(probe.slots).unwrap_or(i32::MAX))
        .bind(probe.platform.as_ref().map(Platform::as_str))
        .bind(probe.builder.as_deref())
        .bind(probe.problem.as_deref())
        .bind(now)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

/// All hosts by name.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn all(store: &Store) -> Result<Vec<Host>, StoreError> {
    const SQL: &str = "SELECT name, slots, platform, builder, drained, problem, probed_at, \
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

/// Forgets hosts that no worker has probed since `before` and that hold no lease.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_unseen(store: &Store, before: DateTime<Utc>) -> Result<u64, StoreError> {
    const SQL: &str = "DELETE FROM hosts WHERE probed_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.host = hosts.name)";
    let mut tx = store.begin().await?;
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

fn from_row(row: Row) -> Result<Host, StoreError> {
    let corrupt = |column, problem: &str| StoreError::Corrupt {
        table: "hosts",
        column,
        row: row.name.clone(),
        problem: problem.into(),
    };
    Ok(Host {
        name: HostName::parse(&row.name).map_err(|_| corrupt("name", "no host name"))?,
        slots: u32::try_from(row.slots).unwrap_or(0),
        running: u32::try_from(row.running).unwrap_or(u32::MAX),
        platform: row
            .platform
            .as_deref()
            .map(Platform::parse)
            .transpose()
            .map_err(|_| corrupt("platform", "no platform"))?,
        builder: row.builder,
        drained: row.drained,
        problem: row.problem,
        probed_at: row.probed_at,
    })
}
