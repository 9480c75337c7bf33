//! Rows of uploaded build contexts. The bytes are in [`crate::blobs`].
//!
//! Bytes that were uploaded before are kept once. Each upload is written to a blob of its
//! own first; when all of it is there and its digest is known, the row either keeps that
//! blob or names the older upload whose blob is the same, and then the new one is dropped.
//! Nothing is ever renamed: in a bucket that would be a copy of all the bytes. An upload
//! whose blob others share stays until they are gone; the database holds it.

use chrono::{DateTime, Utc};
use slipway_domain::{Project, UploadId};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::blobs::{Blob, Blobs};
use crate::db::{Tx, read, write};
use crate::{Store, StoreError, mark};

/// How many uploads are forgotten in one transaction: no submit waits for longer.
const BATCH: i64 = 200;

/// A complete upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// Whose it is: no build of another project may name it.
    pub project: Project,
    /// Size as it came.
    pub size_bytes: u64,
    /// Digest as it came, 64 hexadecimal digits.
    pub sha256: String,
    /// When it was complete.
    pub created_at: DateTime<Utc>,
}

/// An upload that is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// What its id was.
    pub id: UploadId,
    /// Whether the blob of that name was its own, and is nobody's now.
    pub had_blob: bool,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    project: String,
    size_bytes: i64,
    sha256: String,
    created_at: DateTime<Utc>,
}

/// Writes down an upload whose bytes are all in the blob store, named by its id. Gives the
/// older upload whose blob holds the same bytes, where there is one: from here on the row
/// names that one's, and the upload's own is not needed.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(store: &Store, upload: &Upload) -> Result<Option<UploadId>, StoreError> {
    const SQL: &str = "INSERT INTO uploads (id, project, size_bytes, sha256, created_at, \
         last_used_at, blob) VALUES ($1, $2, $3, $4, $5, $5, $6)";
    let mut tx = store.begin().await?;
    let shared = same_bytes(&mut tx, upload).await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(upload.id.as_uuid())
        .bind(upload.project.as_str())
        .bind(i64::try_from(upload.size_bytes).unwrap_or(i64::MAX))
        .bind(&upload.sha256)
        .bind(upload.created_at)
        .bind(shared)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await?;
    Ok(shared.map(UploadId::from_uuid))
}

/// The newest upload that has a blob of these bytes. It is marked as used, so that whoever
/// wants to forget it at this moment lets it be.
async fn same_bytes(tx: &mut Tx, upload: &Upload) -> Result<Option<Uuid>, StoreError> {
    const SQL: &str = "UPDATE uploads SET last_used_at = $3 WHERE id = (SELECT id FROM uploads \
         WHERE sha256 = $1 AND size_bytes = $2 AND blob IS NULL \
         ORDER BY created_at DESC, id DESC LIMIT 1) RETURNING id";
    // Of two uploads of the same bytes at once, the second sees the first.
    tx.alone_with(&upload.sha256).await?;
    Ok(write!(*tx, connection => sqlx::query_scalar(SQL)
        .bind(&upload.sha256)
        .bind(i64::try_from(upload.size_bytes).unwrap_or(i64::MAX))
        .bind(upload.created_at)
        .fetch_optional(connection)
        .await)?)
}

/// Makes an upload have its own blob, because the one that it shared turned out to be lost.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_own_blob(store: &Store, id: UploadId) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE uploads SET blob = NULL WHERE id = $1";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(id.as_uuid())
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

/// Writes down what the sender of an upload called it, such as `application/gzip`.
///
/// # Errors
/// When the database does not answer.
pub async fn describe(store: &Store, id: UploadId, media_type: &str) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE uploads SET media_type = $2 WHERE id = $1";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(id.as_uuid())
        .bind(media_type)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

/// What the sender of an upload called it, where something was said.
///
/// # Errors
/// When the database does not answer.
pub async fn media_type(store: &Store, id: UploadId) -> Result<Option<String>, StoreError> {
    const SQL: &str = "SELECT media_type FROM uploads WHERE id = $1";
    let row: Option<Option<String>> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await)?;
    Ok(row.flatten())
}

/// The upload with this id.
///
/// # Errors
/// When the database does not answer, or the row is none of this release's.
pub async fn find(store: &Store, id: UploadId) -> Result<Option<Upload>, StoreError> {
    const SQL: &str =
        "SELECT id, project, size_bytes, sha256, created_at FROM uploads WHERE id = $1";
    let row: Option<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await)?;
    row.map(TryInto::try_into).transpose()
}

impl TryFrom<Row> for Upload {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let project = Project::parse(&row.project).map_err(|_| StoreError::Corrupt {
            table: "uploads",
            column: "project",
            row: row.id.to_string(),
            problem: "is no name of a project".into(),
        })?;
        Ok(Self {
            id: UploadId::from_uuid(row.id),
            project,
            size_bytes: u64::try_from(row.size_bytes).unwrap_or(0),
            sha256: row.sha256,
            created_at: row.created_at,
        })
    }
}

/// Opens the bytes of an upload, for reading on a blocking thread. `None` when the upload or
/// its blob is gone.
///
/// # Errors
/// When the database or the blob store does not answer or refuses, or the blob is not in a store
/// that is another one than the database knows.
pub async fn open(store: &Store, blobs: &Blobs, id: UploadId) -> Result<Option<Blob>, StoreError> {
    const SQL: &str = "SELECT COALESCE(blob, id) FROM uploads WHERE id = $1";
    let blob: Option<Uuid> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await)?;
    match blob {
        Some(blob) => {
            let opened = blobs.open_blob(UploadId::from_uuid(blob)).await?;
            if opened.is_none() {
                // Of another store's it says nothing that it is not in it.
                mark::look(store, blobs).await?;
            }
            Ok(opened)
        }
        None => Ok(None),
    }
}

/// Whether a blob is an upload's own. One that is nobody's was left by a crash.
///
/// # Errors
/// When the database does not answer.
pub async fn owns_blob(store: &Store, blob: UploadId) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT id FROM uploads WHERE id = $1 AND blob IS NULL";
    let row: Option<Uuid> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(blob.as_uuid())
        .fetch_optional(pool)
        .await)?;
    Ok(row.is_some())
}

/// Forgets some uploads that nothing has used since `before`, the oldest first, and says
/// which, so that their bytes can go too; call it again until there are none. An upload that
/// an unfinished build names stays, and so does one whose blob is shared.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_unused(
    store: &Store,
    before: DateTime<Utc>,
) -> Result<Vec<Forgotten>, StoreError> {
    const OLD: &str = "SELECT id FROM uploads AS old WHERE last_used_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM builds \
         WHERE builds.upload = old.id AND builds.finished_at IS NULL) \
         AND NOT EXISTS (SELECT 1 FROM uploads AS other WHERE other.blob = old.id) \
         ORDER BY last_used_at LIMIT $2";
    let mut tx = store.begin().await?;
    // One that is being used at this moment is passed by, and so is one that another process
    // forgets.
    let sql = format!(
        "DELETE FROM uploads WHERE id IN ({OLD}{}) RETURNING id, blob",
        tx.for_update_skip_locked()
    );
    let rows: Vec<(Uuid, Option<Uuid>)> = write!(tx, connection => sqlx::query_as(AssertSqlSafe(sql.as_str()))
        .bind(before)
        .bind(BATCH)
        .fetch_all(connection)
        .await)?;
    tx.commit().await?;
    let forgotten = |(id, blob): (Uuid, Option<Uuid>)| Forgotten {
        id: UploadId::from_uuid(id),
        had_blob: blob.is_none(),
    };
    Ok(rows.into_iter().map(forgotten).collect())
}
