//! Somebody asks for a build to stop.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, BuildState, Outcome, Stage};

use super::end::{Ending, end};
use super::transition::{Current, current};
use crate::db::{Tx, read, write};
use crate::{Store, StoreError};

/// What became of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It was in line and is over now.
    Now,
    /// It runs; its worker has been told, in the row.
    Requested,
    /// The image is in the registry, or the build has failed: only the purge is left.
    TooLate,
    /// It is over.
    Over(Outcome),
    /// There is no such build.
    Unknown,
}

/// Ends a waiting build, or asks the worker of a running one to stop. Asking twice is the
/// same as asking once.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel(
    store: &Store,
    build: BuildId,
    now: DateTime<Utc>,
) -> Result<Cancelled, StoreError> {
    let mut tx = store.begin().await?;
    let Some(row) = current(&mut tx, build).await? else { return Ok(Cancelled::Unknown) };
    let answer = cancel_in(&mut tx, &row, now).await?;
    tx.commit().await?;
    Ok(answer)
}

/// [`cancel`], as a part of something larger.
pub(super) async fn cancel_in(
    tx: &mut Tx,
    row: &Current,
    now: DateTime<Utc>,
) -> Result<Cancelled, StoreError> {
    const SQL: &str = "UPDATE builds SET cancel_requested_at = COALESCE(cancel_requested_at, $2) \
         WHERE id = $1 AND status IN ('preparing', 'building', 'pushing')";
    Ok(match row.state {
        BuildState::Queued => {
            end(tx, row, Ending::Cancelled, false, now).await?;
            Cancelled::Now
        }
        BuildState::Running(Stage::Preparing | Stage::Building | Stage::Pushing) => {
            write!(*tx, connection => sqlx::query(SQL)
                .bind(row.id.as_uuid())
                .bind(now)
                .execute(connection)
                .await
                .map(drop))?;
            Cancelled::Requested
        }
        // What purges because it was asked to stop has been asked already; what is in the
        // registry purges because it has succeeded.
        BuildState::Running(Stage::Purging) if row.cancel_requested && row.digest.is_none() => {
            Cancelled::Requested
        }
        BuildState::Running(Stage::Purging) => Cancelled::TooLate,
        BuildState::Finished(outcome) => Cancelled::Over(outcome),
    })
}

/// Whether somebody asked for `build` to stop: for its worker, between heartbeats.
///
/// # Errors
/// When the database does not answer.
pub async fn cancel_requested(store: &Store, build: BuildId) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT cancel_requested_at IS NOT NULL FROM builds WHERE id = $1";
    let asked: Option<bool> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(build.as_uuid())
        .fetch_optional(pool)
        .await)?;
    Ok(asked.unwrap_or(false))
}
