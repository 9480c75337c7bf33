//! Pushes of one image take turns, across all workers.
//!
//! A push needs the image under its real name on the host, and leaves a tag at the
//! registry. Two at once would leave to chance which image each of them is. The turn is
//! its build's for as long as the lease lasts, so a worker that dies with it holds up
//! nobody for longer than that.

use slipway_domain::ImageRef;

use crate::db::write;
use crate::{Lease, Store, StoreError};

/// Takes the turn for `image`. `false` when another build has it, or this one is not held
/// any more: ask again in a moment.
///
/// # Errors
/// When the database does not answer.
pub async fn take(store: &Store, lease: &Lease, image: &ImageRef) -> Result<bool, StoreError> {
    const SQL: &str = "INSERT INTO push_turns (image, build, attempt) \
         SELECT $1, build, attempt FROM leases WHERE build = $2 AND attempt = $3 \
         ON CONFLICT (image) DO UPDATE SET build = excluded.build, attempt = excluded.attempt \
         WHERE NOT EXISTS (SELECT 1 FROM leases \
         WHERE leases.build = push_turns.build AND leases.attempt = push_turns.attempt \
         AND leases.build <> excluded.build)";
    let mut tx = store.single().await?;
    let taken = write!(tx, connection => sqlx::query(SQL)
        .bind(image.to_string())
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(taken == 1)
}

/// Gives the turn back before the build ends, which would do it too.
///
/// # Errors
/// When the database does not answer; the build's end gives it back then.
pub async fn give_back(store: &Store, lease: &Lease) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM push_turns WHERE build = $1 AND attempt = $2";
    let mut tx = store.single().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}
