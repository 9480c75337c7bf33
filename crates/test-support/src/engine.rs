//! A Docker Engine for one test alone, which may break it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::certificates::Signed;
use crate::env;
use crate::port::Port;

/// What kind of engine it is to be.
#[derive(Debug, Default)]
pub struct Kind {
    /// The size of its disk in MiB; as large as there is room where none is given.
    pub data_mib: Option<u32>,
    /// That it listens on a port of loopback too, and wants certificates there.
    pub tls: Option<ServerTls>,
    /// That its containers reach the rest of the world.
    pub outbound: bool,
}

/// What an engine needs for `--tlsverify`.
#[derive(Debug)]
pub struct ServerTls {
    /// The authority of those whom it lets in, in PEM.
    pub ca: String,
    /// Its own.
    pub own: Signed,
}

/// The engine. It is removed with all that it has when this is dropped.
#[derive(Debug)]
pub struct PrivateEngine {
    dir: PathBuf,
    port: Port,
}

impl PrivateEngine {
    /// Starts one.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(kind: Kind) -> io::Result<Self> {
        let dir = free_dir(&env::stack())?;
        let engine = Self { dir, port: Port::keep()? };
        if let Some(mib) = kind.data_mib {
            std::fs::write(engine.dir.join("data-mib"), mib.to_string())?;
        }
        if let Some(tls) = kind.tls {
            let folder = engine.dir.join("tls");
            std::fs::create_dir(&folder)?;
            std::fs::write(folder.join("address"), engine.tls_address())?;
            std::fs::write(folder.join("ca.pem"), tls.ca)?;
            std::fs::write(folder.join("cert.pem"), tls.own.cert)?;
            std::fs::write(folder.join("key.pem"), tls.own.key)?;
        }
        if kind.outbound {
            std::fs::write(engine.dir.join("reach-out"), "")?;
        }
        engine.run("start").await?;
        Ok(engine)
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.dir.join("docker.sock")
    }

    /// Where it listens without TLS.
    #[must_use]
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Where it listens with TLS.
    #[must_use]
    pub fn tls_address(&self) -> String {
        self.port.address().to_string()
    }

    /// Kills it as a crash would. Its containers and their keeper stay.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn kill(&self) -> io::Result<()> {
        self.run("kill").await
    }

    /// Starts it once more over what it had.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&self) -> io::Result<()> {
        self.run("start").await
    }

    /// Stops it, as an operator does.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn stop(&self) -> io::Result<()> {
        self.run("stop").await
    }

    /// Puts another one in its place, which has nothing.
    ///
    /// # Errors
    /// When it does not stop or start.
    pub async fn replace(&self) -> io::Result<()> {
        self.run("stop").await?;
        std::fs::remove_dir_all(self.dir.join("data"))?;
        // The engine's identity is beside its data, because of its settings here.
        let identity = self.dir.join("key.json");
        if identity.exists() {
            std::fs::remove_file(identity)?;
        }
        self.run("start").await
    }

    async fn run(&self, verb: &str) -> io::Result<()> {
        let mut command = Command::new(script());
        command.arg(verb).arg(&self.dir).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(io::Error::other(format!("dev/private-engine {verb}: {said}")))
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        // What is left when this fails, dev/with-stack removes.
        let _ = std::process::Command::new(script())
            .arg("remove")
            .arg(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev/private-engine")
}

/// A directory with a short name that no other test has: it becomes part of a bridge's.
fn free_dir(stack: &Path) -> io::Result<PathBuf> {
    for number in 0..100 {
        let dir = stack.join(format!("e{number}"));
        match std::fs::create_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("100 private engines are too many"))
}
