//! A PostgreSQL database of a test's own, on the server that all share.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

use crate::env;

/// A new database. Say [`Database::remove`] at the end; one that a failed test leaves goes
/// with the server.
#[derive(Debug)]
pub struct Database {
    /// Its URL.
    pub url: String,
    name: String,
}

impl Database {
    /// Makes an empty one on the server of `DATABASE_URL`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn new() -> sqlx::Result<Self> {
        let name = format!("test_{}", Uuid::new_v4().simple());
        run(&env::database(), &format!("CREATE DATABASE {name}")).await?;
        let server = env::database();
        let (place, _) = server.rsplit_once('/').unwrap_or((&server, ""));
        Ok(Self { url: format!("{place}/{name}"), name })
    }

    /// Runs statements in it.
    ///
    /// # Errors
    /// When it refuses them.
    pub async fn run(&self, sql: &str) -> sqlx::Result<()> {
        run(&self.url, sql).await
    }

    /// Removes it, whoever is still connected.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn remove(self) -> sqlx::Result<()> {
        run(&env::database(), &format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
    }
}

async fn run(url: &str, sql: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
