//! What a build's source came to.

use crate::db::write;
use crate::{Lease, Store, StoreError};

/// Writes down the commit that the source of a held build came to: a branch moves on.
///
/// # Errors
/// [`StoreError::LeaseLost`] when somebody else holds the build now, or it is over.
pub async fn resolved(store: &Store, lease: &Lease, commit: &str) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE builds SET source_commit = $3 WHERE id = $1 AND attempt = $2 \
         AND status IN ('preparing', 'building', 'pushing', 'purging')";
    let mut tx = store.begin().await?;
    let found = write!(tx, connection => sqlx::query(SQL)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .bind(commit)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    if found != 1 {
        return Err(StoreError::LeaseLost(lease.build));
    }
    tx.commit().await
}
