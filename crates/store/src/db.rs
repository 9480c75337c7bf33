//! The two databases behind one door.
//!
//! A query's text is written once; the macros [`read!`] and [`write!`] expand the body
//! for each database. Where the dialects must part, the difference is one of the named
//! fragments at the end of this file.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Sqlite, SqlitePool};

use crate::StoreError;
use crate::archive::Archive;
use crate::builds::Crowd;
use crate::clock::Clock;
use crate::seal::KeyRing;

/// How long PostgreSQL may take for a statement. A connection that is cut says so; one
/// whose other end has stopped or lost its way says nothing for a quarter of an hour.
const ANSWER: Duration = Duration::from_secs(10);

/// Begins what locks rows that all need. Who waits for them gives up before [`ANSWER`] and leaves
/// nothing waiting at the server; of one that died with them, the server hears within half a minute
/// by itself, where a lost connection may take it hours. Nothing of it can be refused.
const BEGIN_LOCKING: &str = "BEGIN; SET LOCAL lock_timeout = '8s'; \
     SET LOCAL idle_in_transaction_session_timeout = '30s'";

/// A handle on the state of record. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) db: Db,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Clock,
    pub(crate) crowd: Crowd,
    /// Where logs are that were moved; none in a process that reads no logs.
    pub(crate) archive: Option<Archive>,
}

#[derive(Debug, Clone)]
pub(crate) enum Db {
    Postgres(PgPool),
    /// One connection writes, because SQLite has one writer: queueing for it in the pool
    /// is fair, where SQLite's own busy handler sleeps and retries.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
}

/// A transaction that writes.
pub(crate) enum Tx {
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// One statement is a transaction by itself.
    Single(PoolConnection<Postgres>),
    Sqlite(sqlx::Transaction<'static, Sqlite>),
}

/// Expands a body for the reading pool of each database.
macro_rules! read {
    ($store:expr, $pool:ident => $body:expr) => {
        match &$store.db {
            $crate::db::Db::Postgres($pool) => $crate::db::answered(async { $body }).await,
            $crate::db::Db::Sqlite { read: $pool, .. } => $body,
        }
    };
}

/// Expands a body for the connection of a transaction of each database.
macro_rules! write {
    ($tx:expr, $connection:ident => $body:expr) => {
        match &mut $tx {
            $crate::db::Tx::Postgres(tx) => {
                let $connection = &mut **tx;
                $crate::db::answered(async { $body }).await
            }
            $crate::db::Tx::Single(connection) => {
                let $connection = &mut **connection;
                $crate::db::answered(async { $body }).await
            }
            $crate::db::Tx::Sqlite(tx) => {
                let $connection = &mut **tx;
                $body
            }
        }
    };
}

pub(crate) use {read, write};

impl Store {
    /// Whether the database answers, for readiness.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        read!(self, pool => sqlx::query("SELECT 1").execute(pool).await.map(drop))?;
        Ok(())
    }

    /// Waits for what is under way and closes the database. SQLite folds its write-ahead
    /// log into the file then. Whoever still asks is told that it does not answer.
    pub async fn close(&self) {
        match &self.db {
            Db::Postgres(pool) => pool.close().await,
            Db::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    /// Digests that only this store's keys can make; see [`KeyRing::digests`].
    #[must_use]
    pub fn keyed_digests(&self, parts: &[&[u8]]) -> Vec<String> {
        self.keys.digests(parts)
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match &self.db {
            Db::Postgres(pool) => Tx::Postgres(answered(begun(pool.clone(), "BEGIN")).await?),
            // Immediate: a transaction that reads first and writes later would find the
            // database changed under it, and SQLite gives no second chance for that.
            Db::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// [`begin`](Self::begin), with the rows of this statement locked from the beginning; nobody wants
    /// them. The statements that follow see what others committed while this one waited.
    ///
    /// In a walk of its own: a lock that is refused together with its `BEGIN` (a deadlock, a time
    /// limit of the server) would leave the connection in a transaction that the driver does not
    /// know of, and that nobody could use any more.
    pub(crate) async fn begin_locking(&self, locking: &'static str) -> Result<Tx, StoreError> {
        let Db::Postgres(pool) = &self.db else {
            // Its one writer has the whole database to itself.
            return self.begin().await;
        };
        let mut tx = answered(begun(pool.clone(), BEGIN_LOCKING)).await?;
        answered(sqlx::query(locking).execute(&mut *tx)).await?;
        Ok(Tx::Postgres(tx))
    }

    /// Begins a transaction of one statement, or of one [`Walk`](crate::walk::Walk): PostgreSQL
    /// needs no walk to begin it, and none to commit it.
    pub(crate) async fn single(&self) -> Result<Tx, StoreError> {
        match &self.db {
            Db::Postgres(pool) => Ok(Tx::Single(answered(pool.acquire()).await?)),
            Db::Sqlite { .. } => self.begin().await,
        }
    }

    /// Runs a statement that takes at most `limit` rows of before a time out of the way, and says
    /// how many these were. To be called again until there are fewer.
    pub(crate) async fn tidy(
        &self,
        sql: &'static str,
        before: DateTime<Utc>,
        limit: u16,
    ) -> Result<u64, StoreError> {
        let mut tx = self.single().await?;
        let gone = write!(tx, connection => sqlx::query(sql)
            .bind(before)
            .bind(i64::from(limit))
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?;
        tx.commit().await?;
        Ok(gone)
    }
}

impl Tx {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Postgres(tx) => answered(tx.commit()).await?,
            Self::Single(_) => {}
            Self::Sqlite(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// The connection, where the database is PostgreSQL.
    pub(crate) fn postgres(&mut self) -> Option<&mut PgConnection> {
        match self {
            Self::Postgres(tx) => Some(&mut **tx),
            Self::Single(connection) => Some(&mut **connection),
            Self::Sqlite(_) => None,
        }
    }

    /// Waits until no other transaction is alone with this name, then is, until its end.
    /// For what cannot be locked because there is no row of it yet.
    pub(crate) async fn alone_with(&mut self, name: &str) -> Result<(), StoreError> {
        const SQL: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
        match self {
            Self::Postgres(tx) => {
                answered(sqlx::query(SQL).bind(name).execute(&mut **tx)).await?;
            }
            // A lock would be over with the statement that takes it.
            Self::Single(_) => {
                let problem = "a lock was asked for outside of a transaction";
                return Err(StoreError::Database(sqlx::Error::InvalidArgument(problem.into())));
            }
            // Its one writer is alone already.
            Self::Sqlite(_) => {}
        }
        Ok(())
    }

    /// Locks the rows read until the end of the transaction. SQLite's one writer has the
    /// whole database to itself already.
    pub(crate) const fn for_update(&self) -> &'static str {
        match self {
            Self::Postgres(_) => " FOR UPDATE",
            // Its transaction is over with the statement.
            Self::Single(_) | Self::Sqlite(_) => "",
        }
    }

    /// Locks the rows read and passes by those that somebody else has locked.
    pub(crate) const fn for_update_skip_locked(&self) -> &'static str {
        match self {
            Self::Postgres(_) | Self::Single(_) => " FOR UPDATE SKIP LOCKED",
            Self::Sqlite(_) => "",
        }
    }
}

/// Begins a transaction, also where nobody waits for it any more. The driver takes a `BEGIN` that
/// was sent and not answered for none: its connection would go back to the pool in the middle of a
/// transaction, and what others write there would not be committed.
async fn begun(
    pool: PgPool,
    begin: &'static str,
) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
    let begun = tokio::spawn(async move { pool.begin_with(begin).await });
    begun.await.map_err(|gone| sqlx::Error::Io(std::io::Error::other(gone)))?
}

/// Waits for an answer, but not for ever.
pub(crate) async fn answered<T>(
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}
