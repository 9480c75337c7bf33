//! Bells still to be rung: written in the transaction that made them due, deleted once
//! the queue has taken them. A crash in between rings twice, which does no harm.

use chrono::{DateTime, Utc};
use slipway_domain::BuildId;
use sqlx::FromRow;
use uuid::Uuid;

use crate::db::{Tx, read, write};
use crate::{Store, StoreError};

/// A bell that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueBell {
    id: Uuid,
    /// The build that it rings for.
    pub build: BuildId,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    build: Uuid,
}

/// Notes a bell for `build`.
pub(crate) async fn insert(
    tx: &mut Tx,
    build: BuildId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO outbox (id, build, created_at) VALUES ($1, $2, $3)";
    write!(*tx, connection => sqlx::query(SQL)
        .bind(Uuid::now_v7())
        .bind(build.as_uuid())
        .bind(now)
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}

/// The bells that are due, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn due(store: &Store, limit: u16) -> Result<Vec<DueBell>, StoreError> {
    const SQL: &str = "SELECT id, build FROM outbox ORDER BY id LIMIT $1";
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(rows
        .into_iter()
        .map(|row| DueBell { id: row.id, build: BuildId::from_uuid(row.build) })
        .collect())
}

/// Forgets bells that were rung.
///
/// # Errors
/// When the database does not answer; they are rung again then.
pub async fn rung(store: &Store, bells: &[DueBell]) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM outbox WHERE id = $1";
    let mut tx = store.begin().await?;
    for bell in bells {
        write!(tx, connection => sqlx::query(SQL)
            .bind(bell.id)
            .execute(connection)
            .await
            .map(drop))?;
    }
    tx.commit().await
}
