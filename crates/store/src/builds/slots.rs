//! Which hosts have a free slot and which projects have none left, counted from leases:
//! a number that is kept beside them would drift.

use crate::db::Tx;
use crate::hosts::LOCK_ALL;
use crate::{Store, StoreError};

/// Tables of what is free, for the `WITH` of a statement in a transaction of [`begin`]: `free` has
/// the `name` of each host with a slot, `full_up` each `project` that has all that it may have. Its own
/// limit counts, and else that of all others (`*`).
macro_rules! free {
    () => {
        "running AS (SELECT l.host, b.project, count(*) AS builds \
         FROM leases l JOIN builds b ON b.id = l.build GROUP BY l.host, b.project), \
         free AS (SELECT name FROM hosts WHERE NOT drained AND problem IS NULL \
         AND slots > COALESCE((SELECT sum(builds) FROM running WHERE host = name), 0)), \
         full_up AS (SELECT project FROM running GROUP BY project HAVING sum(builds) >= \
         (SELECT max_running FROM projects WHERE name IN (project, '*') \
         ORDER BY name = '*' LIMIT 1))"
    };
}
pub(super) use free;

/// Begins a transaction in which what is free stays so: all hosts are locked, in one order, so that
/// two workers cannot both take the last slot of a host or of a project.
pub(super) async fn begin(store: &Store) -> Result<Tx, StoreError> {
    store.begin_locking(LOCK_ALL).await
}
