//! Builds that are over for longer than anybody wants to know of them.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use crate::db::write;
use crate::{Store, StoreError};

/// Forgets builds that were over before a time, with their logs and with all that was kept of
/// them: at most `limit`, the oldest first, to be called again while there are any. Says how
/// many.
///
/// A build stays while a host may still have an image of it, because its row is the note of
/// that, and while somebody is still to be told of its end.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(store: &Store, before: DateTime<Utc>, limit: u16) -> Result<u64, StoreError> {
    const OLD: &str = "SELECT id FROM builds AS old \
         WHERE finished_at IS NOT NULL AND finished_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM images_on_hosts WHERE build = old.id) \
         AND NOT EXISTS (SELECT 1 FROM followers WHERE build = old.id AND state = 'waiting') \
         ORDER BY finished_at LIMIT $2";
    let mut tx = store.begin().await?;
    // One that another process forgets is passed by.
    let sql = format!("DELETE FROM builds WHERE id IN ({OLD}{})", tx.for_update_skip_locked());
    let gone = write!(tx, connection => sqlx::query(AssertSqlSafe(sql.as_str()))
        .bind(before)
        .bind(i64::from(limit))
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(gone)
}
