//! A PostgreSQL database of a test's own, on the server that all share or on one of its own.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::env;

/// A new database. Say [`Database::remove`] at the end; one that a failed test leaves goes
/// with the server.
#[derive(Debug)]
pub struct Database {
    /// Its URL.
    pub url: String,
    server: String,
    name: String,
}

impl Database {
    /// Makes an empty one on the server of `DATABASE_URL`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn new() -> sqlx::Result<Self> {
        Self::on(&env::database()).await
    }

    /// Makes an empty one on a server of the test's own.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn on(server: &str) -> sqlx::Result<Self> {
        let name = format!("test_{}", Uuid::new_v4().simple());
        run(server, &format!("CREATE DATABASE {name}")).await?;
        let (place, _) = server.rsplit_once('/').unwrap_or((server, ""));
        Ok(Self { url: format!("{place}/{name}"), server: server.to_owned(), name })
    }

    /// Runs statements in it.
    ///
    /// # Errors
    /// When it refuses them.
    pub async fn run(&self, sql: &str) -> sqlx::Result<()> {
        run(&self.url, sql).await
    }

    /// Breaks every connection to it, as a failover or an impatient operator does.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn disconnect_all(&self) -> sqlx::Result<()> {
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        run(&self.server, &sql).await
    }

    /// Whether new connections to it are let in; those that there are stay.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn let_in(&self, anybody: bool) -> sqlx::Result<()> {
        let sql = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {anybody}", self.name);
        run(&self.server, &sql).await
    }

    /// Removes it, whoever is still connected.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn remove(self) -> sqlx::Result<()> {
        run(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
    }
}

async fn run(url: &str, sql: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
