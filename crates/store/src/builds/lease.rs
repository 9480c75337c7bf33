//! Leases: kept alive by their worker, taken back from a worker that is gone.

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::{BuildId, BuildState, Failure, Reason};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::hand_back::{HandBack, back_in_line};
use super::transition::current;
use crate::db::{read, write};
use crate::{Lease, Store, StoreError};

/// What a heartbeat brings back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Somebody asked for the build to stop.
    pub cancel_requested: bool,
}

/// A build whose lease ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// Which.
    pub build: BuildId,
    /// Where it stands now.
    pub state: BuildState,
}

/// Keeps a lease until `expires_at`.
///
/// # Errors
/// [`StoreError::LeaseLost`] when somebody else holds the build now, or it is over.
pub async fn renew(
    store: &Store,
    lease: &Lease,
    expires_at: DateTime<Utc>,
) -> Result<Heartbeat, StoreError> {
    const RENEW: &str = "UPDATE leases SET expires_at = $4 \
         WHERE build = $1 AND attempt = $2 AND worker = $3";
    const CANCEL: &str = "SELECT cancel_requested_at IS NOT NULL FROM builds WHERE id = $1";
    let mut tx = store.begin().await?;
    let kept = write!(tx, connection => sqlx::query(RENEW)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .bind(lease.worker.as_uuid())
        .bind(expires_at)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    if kept != 1 {
        return Err(StoreError::LeaseLost(lease.build));
    }
    let cancel_requested: bool = write!(tx, connection => sqlx::query_scalar(CANCEL)
        .bind(lease.build.as_uuid())
        .fetch_one(connection)
        .await)?;
    tx.commit().await?;
    Ok(Heartbeat { cancel_requested })
}

/// Takes back every build whose lease ran out before `now`: into line again, or to its
/// end where it was lost `max_attempts` times. One that cannot be taken back, as its row is a newer
/// release's, keeps no other from it.
///
/// # Errors
/// When the database does not answer at the beginning. If it goes away later, what was returned by
/// then is returned.
pub async fn return_expired(
    store: &Store,
    max_attempts: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Returned>, StoreError> {
    const SQL: &str = "SELECT build FROM leases WHERE expires_at < $1 ORDER BY expires_at";
    let builds: Vec<Uuid> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(now)
        .fetch_all(pool)
        .await)?;
    let mut returned = Vec::new();
    for build in builds.into_iter().map(BuildId::from_uuid) {
        match return_one(store, build, max_attempts, now).await {
            Ok(state) => returned.extend(state.map(|state| Returned { build, state })),
            Err(error) => {
                tracing::warn!(build.id = %build, %error, "an expired lease cannot be taken back");
                if error.is_passing() {
                    break;
                }
            }
        }
    }
    Ok(returned)
}

/// Takes back every build that is held, whoever holds it: for a process that knows itself
/// to be the only one and has just begun.
///
/// # Errors
/// As of [`return_expired`].
pub async fn return_all(
    store: &Store,
    max_attempts: u32,
    now: DateTime<Utc>,
) -> Result<Vec<Returned>, StoreError> {
    const SQL: &str = "UPDATE leases SET expires_at = $1 WHERE expires_at >= $1";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(now - TimeDelta::microseconds(1))
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await?;
    return_expired(store, max_attempts, now).await
}

async fn return_one(
    store: &Store,
    build: BuildId,
    max_attempts: u32,
    now: DateTime<Utc>,
) -> Result<Option<BuildState>, StoreError> {
    let mut tx = store.begin().await?;
    // The row lock first, then the lease again: a heartbeat may have come in between, or
    // be about to commit, which the lease's own lock waits for.
    let Some(row) = current(&mut tx, build).await? else { return Ok(None) };
    let still =
        format!("SELECT build FROM leases WHERE build = $1 AND expires_at < $2{}", tx.for_update());
    let expired: Option<Uuid> = write!(tx, connection => sqlx::query_scalar(AssertSqlSafe(still))
        .bind(build.as_uuid())
        .bind(now)
        .fetch_optional(connection)
        .await)?;
    if expired.is_none() || !matches!(row.state, BuildState::Running(_)) {
        return Ok(None);
    }
    let loss = Failure::new(Reason::AttemptsExhausted, "the worker of this build was lost")
        .hint("see the workers' logs, then retry the build");
    let terms = HandBack {
        note: "the worker was lost; the build is back in line".into(),
        loss: Some(loss),
        max_attempts,
        not_before: now,
    };
    let state = back_in_line(&mut tx, &row, terms, false, now).await?;
    tx.commit().await?;
    Ok(Some(state))
}
