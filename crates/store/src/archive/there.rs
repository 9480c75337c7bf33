//! Whether a blob store is the one that logs were moved to, by the logs.

use slipway_domain::BuildId;
use uuid::Uuid;

use crate::blobs::Blobs;
use crate::db::read;
use crate::{Store, StoreError};

/// Logs that are looked for: one of them may be lost.
const LOOKED_FOR: i64 = 3;

/// Whether some log that was moved is there; also where none was moved yet.
///
/// # Errors
/// When the database or the blob store does not answer.
pub(crate) async fn logs_are_in(store: &Store, blobs: &Blobs) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT id FROM log_blobs WHERE build IS NOT NULL \
         AND EXISTS (SELECT 1 FROM log_frames WHERE log_frames.build = log_blobs.build) LIMIT $1";
    let moved: Vec<Uuid> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(LOOKED_FOR)
        .fetch_all(pool)
        .await)?;
    for id in &moved {
        if blobs.has_log(BuildId::from_uuid(*id)).await? {
            return Ok(true);
        }
    }
    Ok(moved.is_empty())
}
