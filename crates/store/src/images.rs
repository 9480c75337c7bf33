//! What builds may have left on hosts.
//!
//! A claim notes that its attempt will tag an image on a host; the end of the build takes
//! the note back once the host has confirmed that the image is gone. A note whose build
//! nobody holds is an image that a dead worker left: a sweep purges it.

use slipway_domain::{Attempt, BuildId, BuildSpec, HostName, ImageRef};
use sqlx::FromRow;
use uuid::Uuid;

use crate::db::{read, write};
use crate::{Store, StoreError};

/// An attempt that may have left an image on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Whose.
    pub build: BuildId,
    /// Which of its attempts.
    pub attempt: Attempt,
    /// The references that the image was to be pushed as.
    pub images: Vec<ImageRef>,
}

#[derive(FromRow)]
struct Row {
    build: Uuid,
    attempt: i32,
    spec: String,
}

/// What was left on `host` by attempts that nobody holds any more.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn left_on(store: &Store, host: &HostName) -> Result<Vec<Leftover>, StoreError> {
    const SQL: &str = "SELECT i.build, i.attempt, b.spec FROM images_on_hosts i \
         JOIN builds b ON b.id = i.build \
         WHERE i.host = $1 AND NOT EXISTS \
         (SELECT 1 FROM leases l WHERE l.build = i.build AND l.attempt = i.attempt) \
         ORDER BY i.build, i.attempt";
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(host.as_str())
        .fetch_all(pool)
        .await)?;
    rows.into_iter()
        .map(|row| {
            let spec: BuildSpec = serde_json::from_str(&row.spec)
                .map_err(|_| StoreError::unreadable("builds", "spec", row.build))?;
            Ok(Leftover {
                build: BuildId::from_uuid(row.build),
                attempt: Attempt(row.attempt),
                images: spec.images().cloned().collect(),
            })
        })
        .collect()
}

/// Takes a note back: the host has confirmed that the image is gone.
///
/// # Errors
/// When the database does not answer; the sweep looks again then.
pub async fn purged(store: &Store, build: BuildId, attempt: Attempt) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM images_on_hosts WHERE build = $1 AND attempt = $2";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(build.as_uuid())
        .bind(attempt.0)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}
