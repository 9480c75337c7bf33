//! Blobs of builds that were forgotten.

use chrono::{DateTime, Utc};
use slipway_domain::BuildId;
use uuid::Uuid;

use crate::db::{read, write};
use crate::{Store, StoreError, mark};

/// Removes logs from the blob store whose builds were forgotten: at most `limit`, to be called
/// again while there are any. Says how many.
///
/// First the blob, then the note of it: whoever is killed between the two does no harm.
///
/// # Errors
/// When the database or the blob store does not answer, or it is not the one that the database
/// knows.
pub async fn sweep(store: &Store, now: DateTime<Utc>, limit: u16) -> Result<u64, StoreError> {
    const OF_NOBODY: &str = "SELECT id FROM log_blobs WHERE build IS NULL AND held_until <= $1 \
         ORDER BY held_until LIMIT $2";
    const FORGET: &str = "DELETE FROM log_blobs WHERE id = $1 AND build IS NULL";
    let found: Vec<Uuid> = read!(store, pool => sqlx::query_scalar(OF_NOBODY)
        .bind(now)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    let blobs = &store.archive()?.blobs;
    if !found.is_empty() {
        mark::look(store, blobs).await?;
    }
    let mut swept = 0;
    for id in found {
        blobs.delete_log(BuildId::from_uuid(id)).await?;
        let mut tx = store.single().await?;
        swept += write!(tx, connection => sqlx::query(FORGET)
            .bind(id)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?;
        tx.commit().await?;
    }
    Ok(swept)
}
