//! Opening a database by its URL.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, PgConnection, SqliteConnection};

use crate::builds::Crowd;
use crate::clock::Clock;
use crate::db::Db;
use crate::seal::KeyRing;
use crate::{Store, StoreError};

/// How long a statement waits for a connection before the database counts as away.
const ACQUIRE: Duration = Duration::from_secs(5);

/// For how long a connection that lies in the pool is taken for good.
const FRESH: Duration = Duration::from_secs(1);

/// Of a new SQLite database, in bytes. What builds print is long, and each page of it is written
/// twice: four times as large a page is a quarter as many writes. An old one keeps what it has.
const PAGE: u32 = 16 * 1024;

impl Store {
    /// Whether `url` names a database, without a word to it.
    ///
    /// # Errors
    /// As of [`Store::open`], when the URL is of another kind.
    pub fn check_url(url: &str) -> Result<(), StoreError> {
        if is_postgres(url) {
            postgres_options(url).map(drop)
        } else if is_sqlite(url) {
            sqlite_options(url).map(drop)
        } else {
            Err(of_another_kind())
        }
    }

    /// The file that the SQLite database at `url` is, which need not be there; `None` for
    /// PostgreSQL.
    ///
    /// # Errors
    /// As of [`Store::check_url`].
    pub fn file_of(url: &str) -> Result<Option<PathBuf>, StoreError> {
        Self::check_url(url)?;
        if is_postgres(url) {
            return Ok(None);
        }
        Ok(Some(sqlite_options(url)?.get_filename().to_owned()))
    }

    /// Opens the database at `url`: `sqlite:///path`, or `postgres://…`. Does not migrate.
    ///
    /// # Errors
    /// When the URL is of another kind, or the database does not answer.
    pub async fn open(url: &str, keys: KeyRing) -> Result<Self, StoreError> {
        if is_postgres(url) {
            let store = Self::open_later(url, keys)?;
            // A wrong password, or no server: said now rather than by the first request.
            match store.read_clock().await {
                Ok(()) => Ok(store),
                Err(error) => Err(store.with_reason(error).await),
            }
        } else if is_sqlite(url) {
            Ok(Self {
                db: open_sqlite(url).await?,
                keys,
                clock: Clock::of_this_process(),
                crowd: Crowd::default(),
                archive: None,
            })
        } else {
            Err(of_another_kind())
        }
    }

    /// Opens the PostgreSQL database at `url` without talking to it yet: the server may be
    /// away for now. Call it inside of a runtime.
    ///
    /// # Errors
    /// When the URL is of another kind.
    pub fn open_later(url: &str, keys: KeyRing) -> Result<Self, StoreError> {
        let options = postgres_options(url)?.disable_statement_logging();
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
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
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

fn is_sqlite(url: &str) -> bool {
    url.starts_with("sqlite:")
}

fn of_another_kind() -> StoreError {
    StoreError::Settings("database.url must begin with sqlite: or postgres:".into())
}

fn postgres_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = is_postgres(url).then(|| PgConnectOptions::from_str(url).ok()).flatten();
    options.ok_or_else(|| {
        let problem = "database.url is no PostgreSQL URL: write \
                       postgres://user:password@host/database, and what is neither letter nor digit \
                       in the password as %XX, such as %40 for @ and %2F for /";
        StoreError::Settings(problem.into())
    })
}

fn sqlite_options(url: &str) -> Result<SqliteConnectOptions, StoreError> {
    let place = url.trim_start_matches("sqlite:").trim_start_matches("//");
    // Without a file each connection would have a database of its own, and none would stay.
    let (path, query) = place.split_once('?').unwrap_or((place, ""));
    let is_file = !matches!(path, "" | ":memory:") && !query.contains("mode=memory");
    let options = is_file.then(|| SqliteConnectOptions::from_str(url).ok()).flatten();
    options.ok_or_else(|| {
        StoreError::Settings("database.url names no file: write sqlite:///folder/slipway.db".into())
    })
}

async fn open_sqlite(url: &str) -> Result<Db, StoreError> {
    let options = sqlite_options(url)?
        .create_if_missing(true)
        .page_size(PAGE)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As `.cargo/config.toml` has it. With the driver's own options all connections wait for one
    /// lock whenever they look at a page.
    #[tokio::test]
    async fn sqlite_is_compiled_without_locks_that_all_share() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        let asked = sqlx::query_scalar("PRAGMA compile_options").fetch_all(&mut connection);
        let options: Vec<String> = asked.await.unwrap();
        assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:#?}");
        assert!(options.iter().all(|option| option != "ENABLE_MEMORY_MANAGEMENT"), "{options:#?}");
    }

    #[test]
    fn sqlite_is_a_file() {
        for url in ["sqlite:///srv/memory/slipway.db", "sqlite://slipway.db?mode=rwc"] {
            Store::check_url(url).unwrap();
        }
        for url in ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite://x?mode=memory"] {
            let refused = Store::check_url(url).unwrap_err().to_string();
            assert!(refused.contains("database.url names no file"), "{url}: {refused}");
        }
    }
}
