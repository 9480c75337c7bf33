//! A PostgreSQL server and a registry of a test's own, which it may kill.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::Command;

use crate::env;

/// What can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A PostgreSQL server, whose commits survive that it is killed.
    Postgres,
    /// A registry that keeps its images in a directory.
    Registry,
}

/// A running server. Killed and removed when dropped.
#[derive(Debug)]
pub struct Killable {
    kind: Kind,
    dir: PathBuf,
    _folder: TempDir,
}

impl Killable {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(kind: Kind) -> io::Result<Self> {
        // In the stack's directory, so that it is found and ended when this test is killed.
        let folder = tempfile::Builder::new().prefix("own-").tempdir_in(env::stack())?;
        let server = Self { kind, dir: folder.path().join("server"), _folder: folder };
        server.start_again().await?;
        Ok(server)
    }

    /// Where it answers, the same after each start: a URL of PostgreSQL, `host:port` of a
    /// registry.
    ///
    /// # Errors
    /// When it was never started.
    pub fn address(&self) -> io::Result<String> {
        let file = match self.kind {
            Kind::Postgres => self.dir.with_extension("url"),
            Kind::Registry => self.dir.join("address"),
        };
        Ok(std::fs::read_to_string(file)?.trim().to_owned())
    }

    /// Kills it as a crash would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(&self) -> io::Result<()> {
        self.run("kill").await
    }

    /// Starts it once more over what it had, and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&self) -> io::Result<()> {
        self.run("start").await
    }

    async fn run(&self, verb: &str) -> io::Result<()> {
        let mut command = Command::new(self.script());
        let output = command.arg(verb).arg(&self.dir).stdin(Stdio::null()).output().await?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("{:?}: {verb}: {said}", self.kind)))
    }

    fn script(&self) -> PathBuf {
        let name = match self.kind {
            Kind::Postgres => "private-postgres",
            Kind::Registry => "private-registry",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev").join(name)
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        let mut kill = std::process::Command::new(self.script());
        drop(kill.arg("kill").arg(&self.dir).stdin(Stdio::null()).status());
    }
}
