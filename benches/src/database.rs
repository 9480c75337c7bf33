//! A database of the bench's own on the PostgreSQL server of `DATABASE_URL`.

use tokio::process::Command;

use crate::error::Error;

/// A new database. Dropped by [`Database::remove`], or with the server.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: &'static str,
    pub(crate) url: String,
}

impl Database {
    /// Makes one anew, empty.
    pub(crate) async fn new(server: &str, name: &'static str) -> Result<Self, Error> {
        let (place, _) = server.rsplit_once('/').unwrap_or((server, ""));
        let database = Self { server: server.to_owned(), name, url: format!("{place}/{name}") };
        psql(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        psql(server, &format!("CREATE DATABASE {name}")).await?;
        Ok(database)
    }

    /// Runs one statement in it.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), Error> {
        psql(&self.url, sql).await.map(drop)
    }

    /// The one value that a query gives.
    pub(crate) async fn ask(&self, sql: &str) -> Result<String, Error> {
        Ok(psql(&self.url, sql).await?.trim().to_owned())
    }

    pub(crate) async fn remove(self) -> Result<(), Error> {
        psql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
            .await
            .map(drop)
    }
}

async fn psql(url: &str, sql: &str) -> Result<String, Error> {
    let mut psql = Command::new("psql");
    psql.args([
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set",
        "ON_ERROR_STOP=1",
        "--command",
        sql,
    ])
    .arg(url);
    let output = psql.output().await?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Unexpected(String::from_utf8_lossy(&output.stderr).into_owned()))
}
