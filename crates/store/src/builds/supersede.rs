//! A newer build takes the place of older ones of the same key.

use chrono::{DateTime, Utc};
use slipway_domain::BuildId;
use uuid::Uuid;

use super::cancel::cancel_in;
use super::transition::current;
use crate::StoreError;
use crate::db::{Tx, write};

/// Ends the project's waiting builds of this key and asks those that run to stop. Says
/// which. Call it before the newer build is written: of two that come at once, the one
/// that gets here second sees the first.
pub(super) async fn older(
    tx: &mut Tx,
    project: &str,
    key: &str,
    newer: BuildId,
    now: DateTime<Utc>,
) -> Result<Vec<BuildId>, StoreError> {
    const TAKE: &str = "INSERT INTO supersede_keys (project, key, build) VALUES ($1, $2, $3) \
         ON CONFLICT (project, key) DO UPDATE SET build = excluded.build";
    const OLDER: &str = "SELECT id FROM builds WHERE project = $1 AND supersede_key = $2 \
         AND finished_at IS NULL AND superseded_by IS NULL ORDER BY created_at, id";
    const BY: &str = "UPDATE builds SET superseded_by = $2 WHERE id = $1";
    write!(*tx, connection => sqlx::query(TAKE)
        .bind(project)
        .bind(key)
        .bind(newer.as_uuid())
        .execute(connection)
        .await
        .map(drop))?;
    let ids: Vec<Uuid> = write!(*tx, connection => sqlx::query_scalar(OLDER)
        .bind(project)
        .bind(key)
        .fetch_all(connection)
        .await)?;
    let mut superseded = Vec::new();
    for id in ids.into_iter().map(BuildId::from_uuid) {
        // Marked first: the event that tells of the end says by what.
        write!(*tx, connection => sqlx::query(BY)
            .bind(id.as_uuid())
            .bind(newer.as_uuid())
            .execute(connection)
            .await
            .map(drop))?;
        if let Some(row) = current(tx, id).await? {
            cancel_in(tx, &row, now).await?;
            superseded.push(id);
        }
    }
    Ok(superseded)
}
