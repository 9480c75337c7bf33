//! Names that clients gave to builds.
//!
//! Some older services let their clients choose what a build is called. Such a name stands
//! for the newest build that was submitted under it; those before keep it, because all that
//! runs under a name has to be found when it is to stop. A name can be asked for alone: then
//! it is given only while no build under it is under way, and of two submits at once one gets
//! it.

use slipway_domain::BuildId;
use uuid::Uuid;

use crate::db::{Tx, read, write};
use crate::{Store, StoreError};

/// A name for a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Whose names these are: a dialect, or an application within one.
    pub scope: String,
    /// As the client chose it.
    pub name: String,
    /// Whether no other build may have it at the same time.
    pub alone: bool,
}

/// Gives the names to a build that was just written. `false` when one that was asked for alone
/// stands for a build that is not over: nothing of the transaction may stay then.
pub(crate) async fn claim(tx: &mut Tx, names: &[Name], build: BuildId) -> Result<bool, StoreError> {
    const TAKEN: &str = "SELECT count(*) FROM build_names n JOIN builds b ON b.id = n.build \
         WHERE n.scope = $1 AND n.name = $2 AND b.finished_at IS NULL";
    const GIVE: &str = "INSERT INTO build_names (scope, name, build) VALUES ($1, $2, $3)";
    // In one order for all, because what waits for one may hold another.
    let mut alone: Vec<&Name> = names.iter().filter(|name| name.alone).collect();
    alone.sort_by_key(|name| (&name.scope, &name.name));
    for name in alone {
        // A scope has no newline, which keeps apart what would read the same in one word.
        tx.alone_with(&format!("name {}\n{}", name.scope, name.name)).await?;
        let taken: i64 = write!(*tx, connection => sqlx::query_scalar(TAKEN)
            .bind(&name.scope)
            .bind(&name.name)
            .fetch_one(connection)
            .await)?;
        if taken > 0 {
            return Ok(false);
        }
    }
    for name in names {
        write!(*tx, connection => sqlx::query(GIVE)
            .bind(&name.scope)
            .bind(&name.name)
            .bind(build.as_uuid())
            .execute(connection)
            .await
            .map(drop))?;
    }
    Ok(true)
}

/// The newest build under a name.
///
/// # Errors
/// When the database does not answer.
pub async fn newest(store: &Store, scope: &str, name: &str) -> Result<Option<BuildId>, StoreError> {
    const SQL: &str = "SELECT b.id FROM build_names n JOIN builds b ON b.id = n.build \
         WHERE n.scope = $1 AND n.name = $2 ORDER BY b.created_at DESC, b.id DESC LIMIT 1";
    let id: Option<Uuid> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(scope)
        .bind(name)
        .fetch_optional(pool)
        .await)?;
    Ok(id.map(BuildId::from_uuid))
}

/// The builds that are not over under a name, or under any name of a scope, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn under_way(
    store: &Store,
    scope: &str,
    name: Option<&str>,
) -> Result<Vec<BuildId>, StoreError> {
    const OF_NAME: &str = "SELECT b.id FROM build_names n JOIN builds b ON b.id = n.build \
         WHERE n.scope = $1 AND n.name = $2 AND b.finished_at IS NULL \
         ORDER BY b.created_at, b.id";
    const OF_SCOPE: &str = "SELECT DISTINCT b.created_at, b.id FROM build_names n \
         JOIN builds b ON b.id = n.build \
         WHERE n.scope = $1 AND b.finished_at IS NULL ORDER BY b.created_at, b.id";
    let ids: Vec<Uuid> = match name {
        Some(name) => read!(store, pool => sqlx::query_scalar(OF_NAME)
            .bind(scope)
            .bind(name)
            .fetch_all(pool)
            .await)?,
        None => {
            let rows: Vec<(chrono::DateTime<chrono::Utc>, Uuid)> = read!(store, pool => sqlx::query_as(OF_SCOPE)
                    .bind(scope)
                    .fetch_all(pool)
                    .await)?;
            rows.into_iter().map(|(_, id)| id).collect()
        }
    };
    Ok(ids.into_iter().map(BuildId::from_uuid).collect())
}
