//! A database of its own under each story, and a way to look at it past the store.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use futures::FutureExt as _;
use slipway_store::Store;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, SqlitePool};
use tokio::sync::RwLock;
use url::Url;
use uuid::Uuid;

use crate::cast::keys;

pub(crate) struct Ground {
    pub(crate) url: String,
    raw: Raw,
}

enum Raw {
    Postgres(PgPool),
    Sqlite { pool: SqlitePool, path: PathBuf },
}

/// Tells a story on a SQLite file in a folder of its own.
pub(crate) async fn on_sqlite(story: impl AsyncFnOnce(&Ground)) {
    let folder = tempfile::tempdir().unwrap();
    story(&Ground::sqlite(&folder.path().join("slipway.sqlite")).await).await;
}

/// Stories hold its read half. While the disk under one database is full, DROP DATABASE
/// fails for all of them, because it asks for a checkpoint of the whole server.
static DISKS_HAVE_ROOM: RwLock<()> = RwLock::const_new(());

/// Tells a story on a PostgreSQL database of its own, and drops it however the story ends.
pub(crate) async fn on_postgres(story: impl AsyncFnOnce(&Ground)) {
    let _room = DISKS_HAVE_ROOM.read().await;
    let mut admin = admin().await;
    tell(&mut admin, "", story).await.unwrap_or_else(|cause| resume_unwind(cause));
}

/// The same, with the database's files in a folder on a disk that the story may fill. The
/// server must be on this machine.
pub(crate) async fn on_postgres_in(folder: &Path, story: impl AsyncFnOnce(&Ground)) {
    let _alone = DISKS_HAVE_ROOM.write().await;
    let mut admin = admin().await;
    let data: String =
        sqlx::query_scalar("SHOW data_directory").fetch_one(&mut admin).await.unwrap();
    let Ok(data) = std::fs::metadata(data) else {
        panic!("DATABASE_URL names a server on another machine, whose disk cannot be filled");
    };
    chown(folder, Some(data.uid()), Some(data.gid())).unwrap();
    let name = format!("folder_{}", Uuid::now_v7().simple());
    let folder = folder.display();
    run(&mut admin, &format!("CREATE TABLESPACE {name} LOCATION '{folder}'")).await;
    let told = tell(&mut admin, &format!("TABLESPACE {name}"), story).await;
    run(&mut admin, &format!("DROP TABLESPACE {name}")).await;
    told.unwrap_or_else(|cause| resume_unwind(cause));
}

async fn tell(
    admin: &mut PgConnection,
    options: &str,
    story: impl AsyncFnOnce(&Ground),
) -> std::thread::Result<()> {
    let name = format!("story_{}", Uuid::now_v7().simple());
    run(admin, &format!("CREATE DATABASE {name} {options}")).await;
    let mut url = server_url();
    url.set_path(&name);
    let ground = Ground::postgres(url.as_str()).await;
    let told = AssertUnwindSafe(story(&ground)).catch_unwind().await;
    drop(ground);
    run(admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    told
}

/// A connection to the server that the stories' databases are made on.
async fn admin() -> PgConnection {
    PgConnection::connect(server_url().as_str()).await.unwrap()
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.unwrap();
}

fn server_url() -> Url {
    let Ok(url) = std::env::var("DATABASE_URL") else {
        panic!("set DATABASE_URL, or run `make test`");
    };
    url.parse().unwrap()
}

impl Ground {
    pub(crate) async fn sqlite(path: &Path) -> Self {
        let url = format!("sqlite://{}", path.display());
        let options = SqliteConnectOptions::from_str(&url).unwrap().create_if_missing(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_lazy_with(options);
        Self { url, raw: Raw::Sqlite { pool, path: path.to_owned() } }
    }

    async fn postgres(url: &str) -> Self {
        let options = PgConnectOptions::from_str(url).unwrap();
        let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        Self { url: url.to_owned(), raw: Raw::Postgres(pool) }
    }

    /// A store as one process has it, on a schema that is up to date.
    pub(crate) async fn store(&self) -> Store {
        let store = self.open().await;
        store.migrate().await.unwrap();
        store
    }

    /// A store on the schema as it is.
    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url, keys()).await.unwrap()
    }

    /// Runs statements past the store.
    pub(crate) async fn sql(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match &self.raw {
            Raw::Postgres(pool) => sql.execute(pool).await.map(drop),
            Raw::Sqlite { pool, .. } => sql.execute(pool).await.map(drop),
        }
    }

    /// The one number that a query answers.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let query = AssertSqlSafe(sql);
        match &self.raw {
            Raw::Postgres(pool) => sqlx::query_scalar(query).fetch_one(pool).await,
            Raw::Sqlite { pool, .. } => sqlx::query_scalar(query).fetch_one(pool).await,
        }
        .unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    /// The first column of each row that a query answers, which must be text.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let query = AssertSqlSafe(sql);
        match &self.raw {
            Raw::Postgres(pool) => sqlx::query_scalar(query).fetch_all(pool).await,
            Raw::Sqlite { pool, .. } => sqlx::query_scalar(query).fetch_all(pool).await,
        }
        .unwrap()
    }

    /// An id as this database writes it in a statement.
    pub(crate) fn id(&self, id: Uuid) -> String {
        match &self.raw {
            Raw::Postgres(_) => format!("'{id}'"),
            Raw::Sqlite { .. } => format!("X'{}'", id.simple()),
        }
    }

    /// Every column of every row of every table: what "nothing has changed" is said of.
    pub(crate) async fn everything(&self) -> String {
        let mut all = String::new();
        for table in self.tables().await {
            all.push_str(&format!("== {table}\n{}", self.table(&table).await));
        }
        all
    }

    /// Every column of every row of one table.
    pub(crate) async fn table(&self, table: &str) -> String {
        let rows = match &self.raw {
            Raw::Postgres(_) => {
                self.texts(&format!("SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")).await
            }
            Raw::Sqlite { .. } => {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns = self.texts(&columns).await;
                let quoted: Vec<String> =
                    columns.iter().map(|name| format!("' {name}=' || quote({name})")).collect();
                self.texts(&format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || "))).await
            }
        };
        rows.into_iter().map(|row| row + "\n").collect()
    }

    /// All tables but the migrations' own.
    pub(crate) async fn tables(&self) -> Vec<String> {
        let sql = match &self.raw {
            Raw::Postgres(_) => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
            Raw::Sqlite { .. } => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            }
        };
        let mut tables = self.texts(sql).await;
        tables.retain(|name| !name.starts_with("_sqlx"));
        tables.sort();
        tables
    }

    /// The bytes on disk, where they can be read.
    pub(crate) fn files(&self) -> Vec<Vec<u8>> {
        match &self.raw {
            Raw::Postgres(_) => Vec::new(),
            Raw::Sqlite { path, .. } => std::fs::read_dir(path.parent().unwrap())
                .unwrap()
                .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
                .collect(),
        }
    }

    /// Lets rows break the CHECK constraints of `builds.status` from here on.
    pub(crate) async fn drop_status_check(&self) {
        let sql = match &self.raw {
            Raw::Postgres(_) => "ALTER TABLE builds DROP CONSTRAINT builds_status_check",
            Raw::Sqlite { .. } => "PRAGMA ignore_check_constraints = 1",
        };
        self.sql(sql).await.unwrap();
    }

    /// Begins a transaction that writes, runs a statement in it, and leaves it open until
    /// the returned word is sent.
    pub(crate) async fn hold(&self, sql: &str) -> Held<'_> {
        let begin = match &self.raw {
            Raw::Postgres(_) => "BEGIN",
            Raw::Sqlite { .. } => "BEGIN IMMEDIATE",
        };
        // The one connection of the pool: what comes next runs in the same transaction.
        self.sql(&format!("{begin}; {sql}")).await.unwrap();
        Held(self)
    }
}

/// A transaction that is open.
pub(crate) struct Held<'a>(&'a Ground);

impl Held<'_> {
    pub(crate) async fn commit(self) {
        self.0.sql("COMMIT").await.unwrap();
    }
}
