//! Which hosts have a free slot and which projects have none left, counted from leases:
//! a number that is kept beside them would drift.

use std::collections::BTreeMap;

use slipway_domain::HostName;
use sqlx::{AssertSqlSafe, FromRow};

use super::Offer;
use crate::StoreError;
use crate::db::{Tx, write};
use crate::projects;

/// What is free now, and stays so until the transaction is over.
pub(super) struct Free<'a> {
    /// The offered hosts with a free slot.
    pub(super) hosts: Vec<&'a HostName>,
    /// Projects that run as many builds as they may.
    pub(super) full_projects: Vec<String>,
}

#[derive(FromRow)]
struct HostRow {
    name: String,
    slots: i32,
}

#[derive(FromRow)]
struct Running {
    host: String,
    project: String,
    builds: i64,
}

/// Looks, over all workers. The hosts' rows stay locked until the lease is written, so
/// that two workers cannot both take the last slot of a host or of a project.
pub(super) async fn free<'a>(tx: &mut Tx, offer: &Offer<'a>) -> Result<Free<'a>, StoreError> {
    // A statement of its own after the lock: it sees what others committed while this
    // transaction waited for them.
    const RUNNING: &str = "SELECT l.host, b.project, count(*) AS builds \
         FROM leases l JOIN builds b ON b.id = l.build GROUP BY l.host, b.project";
    let sql = format!(
        "SELECT name, slots FROM hosts WHERE NOT drained AND problem IS NULL ORDER BY name{}",
        tx.for_update()
    );
    let hosts: Vec<HostRow> = write!(*tx, connection => sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await)?;
    let running: Vec<Running> =
        write!(*tx, connection => sqlx::query_as(RUNNING).fetch_all(connection).await)?;
    let mut by_host: BTreeMap<&str, i64> = BTreeMap::new();
    let mut by_project: BTreeMap<&str, i64> = BTreeMap::new();
    for Running { host, project, builds } in &running {
        *by_host.entry(host).or_default() += builds;
        *by_project.entry(project).or_default() += builds;
    }
    let has_room = |name: &HostName| {
        let taken = by_host.get(name.as_str()).copied().unwrap_or(0);
        hosts.iter().any(|row| row.name == name.as_str() && taken < i64::from(row.slots))
    };
    let hosts: Vec<&HostName> = offer.hosts.keys().filter(|name| has_room(name)).collect();
    let mut full_projects = Vec::new();
    if !hosts.is_empty() && !by_project.is_empty() {
        let limits = projects::limits_in(tx).await?;
        let is_full = |(project, running): &(&&str, &i64)| {
            limits.of(project).is_some_and(|limit| **running >= i64::from(limit))
        };
        full_projects =
            by_project.iter().filter(is_full).map(|(project, _)| (*project).to_owned()).collect();
    }
    Ok(Free { hosts, full_projects })
}
