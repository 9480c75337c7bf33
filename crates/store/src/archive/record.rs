//! The one transaction in which a log goes from its rows to its blob.

use chrono::{DateTime, Utc};
use slipway_domain::BuildId;
use sqlx::QueryBuilder;

use super::write::Written;
use crate::db::{Tx, write};
use crate::{Store, StoreError};

/// Rows that one statement deletes: each has its answer in time.
const ROWS: i64 = 10_000;

/// A log that was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Whose.
    pub build: BuildId,
    /// Its events.
    pub events: i64,
    /// What its blob holds.
    pub bytes: i64,
}

/// Writes down where the events of a build are from now on, and deletes their rows. `None`, and
/// nothing is changed, when the build is gone or was moved, the hold is somebody else's by now,
/// or the blob does not have all events.
///
/// # Errors
/// When the database does not answer.
pub async fn record(
    store: &Store,
    written: &Written,
    now: DateTime<Utc>,
) -> Result<Option<Moved>, StoreError> {
    let build = written.build();
    let Some(last) = written.frames.last() else { return Ok(None) };
    let mut tx = store.begin().await?;
    if !mark(&mut tx, build, last.last_seq, now).await? || !give_up(&mut tx, written, now).await? {
        return Ok(None);
    }
    insert(&mut tx, written).await?;
    delete(&mut tx, build, last.last_seq).await?;
    tx.commit().await?;
    Ok(Some(Moved { build, events: last.last_seq, bytes: last.start + last.bytes }))
}

async fn mark(
    tx: &mut Tx,
    build: BuildId,
    last_seq: i64,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE builds SET log_moved_at = $2 WHERE id = $1 \
         AND finished_at IS NOT NULL AND log_moved_at IS NULL AND last_seq = $3 \
         AND NOT EXISTS (SELECT 1 FROM followers WHERE build = $1 AND state = 'waiting')";
    let marked = write!(*tx, connection => sqlx::query(SQL)
        .bind(build.as_uuid())
        .bind(now)
        .bind(last_seq)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(marked > 0)
}

/// Gives the hold up. Says whether it was still there.
async fn give_up(tx: &mut Tx, written: &Written, now: DateTime<Utc>) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE log_blobs SET held_until = $2 WHERE id = $1 AND held_until = $3";
    let given_up = write!(*tx, connection => sqlx::query(SQL)
        .bind(written.build().as_uuid())
        .bind(now)
        .bind(written.held_until())
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(given_up > 0)
}

async fn insert(tx: &mut Tx, written: &Written) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO log_frames \
         (build, first_seq, last_seq, start, bytes, plain_bytes, has_state) ";
    // Far below the 32,766 parameters that either database takes.
    for frames in written.frames.chunks(1000) {
        write!(*tx, connection => {
            let mut query = QueryBuilder::new(SQL);
            query.push_values(frames, |mut row, frame| {
                row.push_bind(written.build().as_uuid())
                    .push_bind(frame.first_seq)
                    .push_bind(frame.last_seq)
                    .push_bind(frame.start)
                    .push_bind(frame.bytes)
                    .push_bind(frame.plain_bytes)
                    .push_bind(frame.has_state);
            });
            query.build().execute(connection).await.map(drop)
        })?;
    }
    Ok(())
}

async fn delete(tx: &mut Tx, build: BuildId, last_seq: i64) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM events WHERE build = $1 AND seq <= $2";
    let mut up_to = 0;
    while up_to < last_seq {
        up_to = last_seq.min(up_to + ROWS);
        write!(*tx, connection => sqlx::query(SQL)
            .bind(build.as_uuid())
            .bind(up_to)
            .execute(connection)
            .await
            .map(drop))?;
    }
    Ok(())
}
