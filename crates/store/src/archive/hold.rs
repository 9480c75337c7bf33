//! Whose log is moved next, and by whom.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::BuildId;
use uuid::Uuid;

use crate::db::{read, write};
use crate::{Store, StoreError};

/// How long a blob is somebody's who writes it. Who is killed over it, or comes upon a row that
/// cannot be read, holds up this build's log for so long, and nobody else's.
const HELD: TimeDelta = TimeDelta::hours(1);

/// How long the writing may take.
pub(super) const WRITES: Duration = Duration::from_secs(1800);

/// The right to write a build's log to its blob.
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    pub(super) build: BuildId,
    /// The number of its last event: a blob that has fewer is never made to be there.
    pub(super) last_seq: i64,
    pub(super) until: DateTime<Utc>,
}

/// Builds that were over before a time and whose events are still rows, the oldest first: at
/// most `limit`. Not those of which somebody has the hold, nor those that a follower is still
/// to be told of: what is due is found by the rows.
///
/// # Errors
/// When the database does not answer.
pub async fn to_move(
    store: &Store,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    limit: u16,
) -> Result<Vec<BuildId>, StoreError> {
    const SQL: &str = "SELECT id FROM builds AS old \
         WHERE finished_at IS NOT NULL AND log_moved_at IS NULL AND finished_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM followers WHERE build = old.id AND state = 'waiting') \
         AND NOT EXISTS (SELECT 1 FROM log_blobs WHERE build = old.id AND held_until > $2) \
         ORDER BY finished_at LIMIT $3";
    let found: Vec<Uuid> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(before)
        .bind(now)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(found.into_iter().map(BuildId::from_uuid).collect())
}

/// Takes the hold of a build's log, and notes by that that there may be a blob. `None` when
/// somebody else has it, or the log was moved, or the build is gone.
///
/// # Errors
/// When the database does not answer.
pub async fn hold(
    store: &Store,
    build: BuildId,
    now: DateTime<Utc>,
) -> Result<Option<Hold>, StoreError> {
    const SQL: &str = "INSERT INTO log_blobs (id, build, held_until) \
         SELECT id, id, $3 FROM builds \
         WHERE id = $1 AND finished_at IS NOT NULL AND log_moved_at IS NULL \
         ON CONFLICT (id) DO UPDATE SET held_until = $3 WHERE log_blobs.held_until <= $2";
    const ROWS: &str = "SELECT last_seq FROM builds WHERE id = $1 AND log_moved_at IS NULL";
    let until = now + HELD;
    let mut tx = store.single().await?;
    let done = write!(tx, connection => sqlx::query(SQL)
        .bind(build.as_uuid())
        .bind(now)
        .bind(until)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    if done == 0 {
        return Ok(None);
    }
    // A statement that waited for the one before to let go sees the builds as they were. From
    // here on nobody else can write down that it is moved.
    let last_seq: Option<i64> = read!(store, pool => sqlx::query_scalar(ROWS)
        .bind(build.as_uuid())
        .fetch_optional(pool)
        .await)?;
    Ok(last_seq.map(|last_seq| Hold { build, last_seq, until }))
}
