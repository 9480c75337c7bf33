//! Bells still to be rung: written in the transaction that made them due, deleted once
//! the queue has taken them. A crash in between rings twice, which does no harm.

use chrono::{DateTime, Utc};
use slipway_domain::BuildId;
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use crate::db::{Db, Tx, answered, read, write};
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

/// An id for a bell that is noted now.
pub(crate) fn new_id() -> Uuid {
    Uuid::now_v7()
}

impl DueBell {
    /// A bell whose row is written.
    pub(crate) const fn written(id: Uuid, build: BuildId) -> Self {
        Self { id, build }
    }
}

/// Notes a bell for `build`.
pub(crate) async fn insert(
    tx: &mut Tx,
    build: BuildId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO outbox (id, build, created_at) VALUES ($1, $2, $3)";
    write!(*tx, connection => sqlx::query(SQL)
        .bind(new_id())
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
    const DUE: &str = "SELECT id, build FROM outbox ORDER BY id LIMIT $1";
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(DUE)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    Ok(bells(rows))
}

/// Forgets bells that were rung.
///
/// # Errors
/// When the database does not answer; they are rung again then.
pub async fn rung(store: &Store, bells: &[DueBell]) -> Result<(), StoreError> {
    if bells.is_empty() {
        return Ok(());
    }
    let mut tx = store.single().await?;
    if let Some(connection) = tx.postgres() {
        const RUNG: &str = "DELETE FROM outbox WHERE id = ANY($1)";
        let ids: Vec<Uuid> = bells.iter().map(|bell| bell.id).collect();
        answered(sqlx::query(RUNG).bind(ids).execute(connection)).await?;
        return Ok(());
    }
    // One statement, however many.
    write!(tx, connection => {
        let mut delete = QueryBuilder::new("DELETE FROM outbox WHERE id IN (");
        let mut ids = delete.separated(", ");
        for bell in bells {
            ids.push_bind(bell.id);
        }
        ids.push_unseparated(")");
        // Its text depends on how many there are: no use in keeping it prepared.
        delete.build().persistent(false).execute(connection).await.map(drop)
    })?;
    tx.commit().await
}

/// Bells that somebody is about to ring. They are due again when this is dropped.
#[must_use = "bells that are taken and not rung are due again"]
pub struct Taken<'a> {
    store: &'a Store,
    bells: Vec<DueBell>,
    /// In which they are forgotten already, and which keeps them from the others. SQLite has one
    /// writer, which must not wait for a broker: there, two who ring at once ring twice.
    held: Option<Tx>,
}

/// Takes bells that are due, oldest first, and passes by those that another process is
/// ringing just now.
///
/// # Errors
/// When the database does not answer.
pub async fn take(store: &Store, limit: u16) -> Result<Taken<'_>, StoreError> {
    if matches!(store.db, Db::Sqlite { .. }) {
        return Ok(Taken { store, bells: due(store, limit).await?, held: None });
    }
    const TAKE: &str = "WITH due AS (SELECT id FROM outbox ORDER BY id LIMIT $1 \
         FOR UPDATE SKIP LOCKED) \
         DELETE FROM outbox WHERE id IN (SELECT id FROM due) RETURNING id, build";
    let mut tx = store.begin().await?;
    let mut rows: Vec<Row> = write!(tx, connection => sqlx::query_as(TAKE)
        .bind(i64::from(limit))
        .fetch_all(connection)
        .await)?;
    rows.sort_unstable_by_key(|row| row.id);
    Ok(Taken { store, bells: bells(rows), held: Some(tx) })
}

impl Taken<'_> {
    /// What they ring for.
    #[must_use]
    pub fn builds(&self) -> Vec<BuildId> {
        self.bells.iter().map(|bell| bell.build).collect()
    }

    /// Forgets them: they were rung.
    ///
    /// # Errors
    /// When the database does not answer; they are rung again then.
    pub async fn rung(self) -> Result<(), StoreError> {
        match self.held {
            Some(tx) => tx.commit().await,
            None => rung(self.store, &self.bells).await,
        }
    }
}

fn bells(rows: Vec<Row>) -> Vec<DueBell> {
    rows.into_iter()
        .map(|row| DueBell { id: row.id, build: BuildId::from_uuid(row.build) })
        .collect()
}
