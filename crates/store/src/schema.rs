//! The schema: what of it is applied, and the applying.
//!
//! A release runs on a schema that is newer than itself: migrations only add, so that the
//! processes of two releases work side by side while one replaces the other.

use sqlx::migrate::{Migrate, Migrator};

use crate::db::Db;
use crate::{Store, StoreError};

static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");
static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Whether the schema is the one this release was written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationState {
    /// All migrations are applied.
    Current,
    /// Some are not: `slipwayd migrate` applies them.
    Pending {
        /// How many.
        count: usize,
    },
    /// All are applied, and others of a later release.
    Newer,
}

/// What [`Store::migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrated {
    /// It applied what was pending.
    Applied {
        /// How many migrations.
        count: usize,
    },
    /// Nothing: all were applied before.
    Nothing,
    /// Nothing: the schema is of a later release.
    Newer,
}

impl Store {
    /// Applies the migrations that are pending. Safe to run from several processes at once:
    /// they wait for each other, and one of them applies each.
    ///
    /// # Errors
    /// When one cannot be applied, or a later release has left some of ours out.
    pub async fn migrate(&self) -> Result<Migrated, StoreError> {
        match &self.db {
            Db::Postgres(pool) => {
                // Out of the pool, for the lock ends with the connection, however this ends.
                let mut connection = pool.acquire().await?.detach();
                connection.lock().await.map_err(StoreError::Migrate)?;
                let migrated = migrate(&mut connection, &POSTGRES).await?;
                self.settle_places().await?;
                Ok(migrated)
            }
            // One transaction around them all, because SQLite has no other lock that
            // several processes could take for it.
            Db::Sqlite { write, .. } => {
                let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
                let migrated = migrate(&mut *tx, &SQLITE).await?;
                tx.commit().await?;
                Ok(migrated)
            }
        }
    }

    /// Whether migrations are pending.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn migration_state(&self) -> Result<MigrationState, StoreError> {
        const BEGUN_POSTGRES: &str = "SELECT to_regclass($1) IS NOT NULL";
        const BEGUN_SQLITE: &str =
            "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = $1";
        match &self.db {
            Db::Postgres(pool) => {
                let begun = sqlx::query_scalar(BEGUN_POSTGRES).bind(&*POSTGRES.table_name);
                let mut connection = pool.acquire().await?;
                let begun: bool = begun.fetch_one(&mut *connection).await?;
                if begun {
                    state(&mut *connection, &POSTGRES).await
                } else {
                    Ok(none_of(&POSTGRES))
                }
            }
            Db::Sqlite { read, .. } => {
                let begun = sqlx::query_scalar(BEGUN_SQLITE).bind(&*SQLITE.table_name);
                let mut connection = read.acquire().await?;
                let begun: bool = begun.fetch_one(&mut *connection).await?;
                if begun { state(&mut *connection, &SQLITE).await } else { Ok(none_of(&SQLITE)) }
            }
        }
    }
}

/// Whoever calls this holds the lock.
async fn migrate<C: Migrate>(connection: &mut C, known: &Migrator) -> Result<Migrated, StoreError> {
    connection.ensure_migrations_table(&known.table_name).await.map_err(StoreError::Migrate)?;
    match state(connection, known).await? {
        MigrationState::Newer => Ok(Migrated::Newer),
        before @ (MigrationState::Current | MigrationState::Pending { .. }) => {
            // With nothing pending, too: it compares what is applied with what is known.
            known.run_direct(None, connection, false).await.map_err(StoreError::Migrate)?;
            Ok(match before {
                MigrationState::Pending { count } => Migrated::Applied { count },
                MigrationState::Current | MigrationState::Newer => Migrated::Nothing,
            })
        }
    }
}

/// Only looks: a process that may not change the schema can ask, too.
async fn state<C: Migrate>(
    connection: &mut C,
    known: &Migrator,
) -> Result<MigrationState, StoreError> {
    let applied =
        connection.list_applied_migrations(&known.table_name).await.map_err(StoreError::Migrate)?;
    let has = |version: i64| applied.iter().any(|row| row.version == version);
    let pending = known.iter().filter(|migration| !has(migration.version)).count();
    Ok(match pending {
        0 if applied.iter().any(|row| !known.version_exists(row.version)) => MigrationState::Newer,
        0 => MigrationState::Current,
        count => MigrationState::Pending { count },
    })
}

fn none_of(known: &Migrator) -> MigrationState {
    MigrationState::Pending { count: known.iter().count() }
}
