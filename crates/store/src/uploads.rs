//! Rows of uploaded build contexts. The bytes are in [`crate::blobs`].

use chrono::{DateTime, Utc};
use slipway_domain::UploadId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::db::{read, write};
use crate::{Store, StoreError};

/// A complete upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id, which also names its blob.
    pub id: UploadId,
    /// Size as it came.
    pub size_bytes: u64,
    /// Digest as it came, 64 hexadecimal digits.
    pub sha256: String,
    /// When it was complete.
    pub created_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    size_bytes: i64,
    sha256: String,
    created_at: DateTime<Utc>,
}

/// Writes down an upload whose bytes are all in the blob store.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(store: &Store, upload: &Upload) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO uploads (id, size_bytes, sha256, created_at, last_used_at) \
         VALUES ($1, $2, $3, $4, $4)";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(upload.id.as_uuid())
        .bind(i64::try_from(upload.size_bytes).unwrap_or(i64::MAX))
        .bind(&upload.sha256)
        .bind(upload.created_at)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

/// The upload with this id.
///
/// # Errors
/// When the database does not answer.
pub async fn find(store: &Store, id: UploadId) -> Result<Option<Upload>, StoreError> {
    const SQL: &str = "SELECT id, size_bytes, sha256, created_at FROM uploads WHERE id = $1";
    let row: Option<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await)?;
    Ok(row.map(|row| Upload {
        id: UploadId::from_uuid(row.id),
        size_bytes: u64::try_from(row.size_bytes).unwrap_or(0),
        sha256: row.sha256,
        created_at: row.created_at,
    }))
}

/// Forgets uploads that nothing has used since `before`, and says which, so that their
/// bytes can go too. An upload that an unfinished build names stays.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_unused(
    store: &Store,
    before: DateTime<Utc>,
) -> Result<Vec<UploadId>, StoreError> {
    const SQL: &str = "DELETE FROM uploads WHERE last_used_at < $1 AND NOT EXISTS \
         (SELECT 1 FROM builds WHERE builds.upload = uploads.id AND builds.finished_at IS NULL) \
         RETURNING id";
    let mut tx = store.begin().await?;
    let ids: Vec<Uuid> = write!(tx, connection => sqlx::query_scalar(SQL)
        .bind(before)
        .fetch_all(connection)
        .await)?;
    tx.commit().await?;
    Ok(ids.into_iter().map(UploadId::from_uuid).collect())
}
