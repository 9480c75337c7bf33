//! The two databases behind one door.
//!
//! A query's text is written once; the macros [`read!`] and [`write!`] expand the body
//! for each database. Where the dialects must part, the difference is one of the named
//! fragments at the end of this file.

use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    ConnectOptions, Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection,
    SqlitePool,
};

use crate::StoreError;
use crate::archive::Archive;
use crate::builds::Crowd;
use crate::clock::Clock;
use crate::seal::KeyRing;

/// How long a statement waits for a connection before the database counts as away.
const ACQUIRE: Duration = Duration::from_secs(5);

/// How long PostgreSQL may take for a statement. A connection that is cut says so; one
/// whose other end has stopped or lost its way says nothing for a quarter of an hour.
const ANSWER: Duration = Duration::from_secs(10);

/// For how long a connection that lies in the pool is taken for good.
const FRESH: Duration = Duration::from_secs(1);

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
    /// Opens the database at `url`: `sqlite:///path`, or `postgres://…`. Does not migrate.
    ///
    /// # Errors
    /// When the URL is of another kind, or the database does not answer.
    pub async fn open(url: &str, keys: KeyRing) -> Result<Self, StoreError> {
        if is_postgres(url) {
            let store = Self::open_later(url, keys)?;
            // A wrong password, or no server: said now rather than by the first request.
            store.read_clock().await?;
            Ok(store)
        } else if url.starts_with("sqlite:") {
            Ok(Self {
                db: open_sqlite(url).await?,
                keys,
                clock: Clock::of_this_process(),
                crowd: Crowd::default(),
                archive: None,
            })
        } else {
            Err(StoreError::Settings("database.url must begin with sqlite: or postgres:".into()))
        }
    }

    /// Opens the PostgreSQL database at `url` without talking to it yet: the server may be
    /// away for now. Call it inside of a runtime.
    ///
    /// # Errors
    /// When the URL is of another kind.
    pub fn open_later(url: &str, keys: KeyRing) -> Result<Self, StoreError> {
        let refuse = || StoreError::Settings("database.url is no PostgreSQL URL".into());
        if !is_postgres(url) {
            return Err(refuse());
        }
        let options =
            PgConnectOptions::from_str(url).map_err(|_| refuse())?.disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(16)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| Box::pin(is_alive(connection, meta.idle_for)));
        Ok(Self {
            db: Db::Postgres(pool.connect_lazy_with(options)),
            keys,
            clock: Clock::of_this_process(),
            crowd: Crowd::default(),
            archive: None,
        })
    }

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
            Db::Postgres(pool) => Tx::Postgres(answered(begun(pool.clone())).await?),
            // Immediate: a transaction that reads first and writes later would find the
            // database changed under it, and SQLite gives no second chance for that.
            Db::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    /// Begins a transaction of one statement, or of one [`Walk`](crate::walk::Walk): PostgreSQL
    /// needs no walk to begin it, and none to commit it.
    pub(crate) async fn single(&self) -> Result<Tx, StoreError> {
        match &self.db {
            Db::Postgres(pool) => Ok(Tx::Single(answered(pool.acquire()).await?)),
            Db::Sqlite { .. } => self.begin().await,
        }
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

/// Whether a connection from the pool can be used. It is asked only where it was left alone for
/// a while: to ask is a walk, and the pool does so already whenever it gets one back. Of a
/// server that went away within that while, one statement says so.
async fn is_alive(connection: &mut PgConnection, idle: Duration) -> Result<bool, sqlx::Error> {
    if idle > FRESH {
        connection.ping().await?;
    }
    Ok(true)
}

/// Begins a transaction, also where nobody waits for it any more. The driver takes a `BEGIN` that
/// was sent and not answered for none: its connection would go back to the pool in the middle of a
/// transaction, and what others write there would not be committed.
async fn begun(pool: PgPool) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
    let begun = tokio::spawn(async move { pool.begin().await });
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

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

async fn open_sqlite(url: &str) -> Result<Db, StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|_| StoreError::Settings("database.url is no SQLite URL".into()))?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A build that was accepted survives a power cut, not only a killed process.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .disable_statement_logging();
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .after_release(|connection, _| Box::pin(is_reusable(connection)))
        .connect_with(options.clone())
        .await?;
    let read = SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(ACQUIRE)
        .connect_with(options)
        .await?;
    Ok(Db::Sqlite { read, write })
}

/// Whether the driver knows that no transaction is open. SQLite rolls back by itself when
/// the disk is full; the driver's own rollback then fails, and it takes the transaction
/// for open ever after and refuses to begin another.
async fn is_reusable(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // Waits for the rollback that dropping a transaction has only asked for.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}
