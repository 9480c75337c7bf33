//! A `slipwayd` of the bench's own, as anybody would run it.

use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::bare::Builder;
use crate::error::Error;
use crate::surroundings::Surroundings;

/// As many builds at once as are measured at once.
pub(crate) const SLOTS: usize = 4;
const START: Duration = Duration::from_secs(30);
/// For a build that has to be broken off and taken off its host.
const STOP: Duration = Duration::from_secs(20);

/// A running daemon. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
    /// The process id.
    pub(crate) pid: u32,
}

/// Compiles `slipwayd` as this program was compiled, and says where it is.
pub(crate) async fn compile() -> Result<PathBuf, Error> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--release", "--locked", "-p", "slipway-server"];
    let status = Command::new(cargo).args(build).stdin(Stdio::null()).status().await?;
    if !status.success() {
        return Err(Error::Missing("slipwayd does not compile".to_owned()));
    }
    Ok(env::current_exe()?.with_file_name("slipwayd"))
}

/// A folder for data, on the disk that also has this program: one in memory would flatter
/// Slipway.
pub(crate) fn folder() -> io::Result<TempDir> {
    let program = env::current_exe()?;
    let beside = program.parent().unwrap_or(Path::new("."));
    tempfile::Builder::new().prefix("bench-").tempdir_in(beside)
}

impl Daemon {
    /// Starts `slipwayd standalone` over a data directory in `folder` and waits until it is
    /// ready.
    pub(crate) async fn start(
        binary: &Path,
        folder: &Path,
        surroundings: &Surroundings,
        builder: Builder,
    ) -> Result<Self, Error> {
        let data = folder.join(builder.to_string());
        let settings = toml(surroundings, builder);
        Self::start_as(binary, "standalone", &data, &settings).await
    }

    /// Starts `slipwayd` in any role with these settings and waits until it is ready.
    pub(crate) async fn start_as(
        binary: &Path,
        role: &str,
        data: &Path,
        toml: &str,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(data)?;
        let settings = data.join("slipway.toml");
        std::fs::write(&settings, toml)?;
        let log = File::create(data.join("slipwayd.log"))?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(binary);
        command.arg(role).arg("--config").arg(&settings);
        if role == "standalone" {
            command.arg("--data-dir").arg(data);
        }
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            let changes = ["SLIPWAY__", "RUST_LOG", "LOG_FORMAT", "PORT", "EXTRA_BUILD_ARGS"];
            if changes.iter().any(|start| text.starts_with(start)) {
                command.env_remove(&name);
            }
        }
        let listen = if role == "worker" { "WORKER" } else { "HTTP" };
        command
            .env(format!("SLIPWAY__{listen}__LISTEN"), format!("127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("slipwayd ended at once"))?;
        let daemon = Self { child, url: format!("http://127.0.0.1:{port}"), pid };
        daemon.ready(data).await?;
        Ok(daemon)
    }

    async fn ready(&self, data: &Path) -> Result<(), Error> {
        let url = format!("{}/health/ready", self.url);
        let begun = Instant::now();
        while !reqwest::get(&url).await.is_ok_and(|answer| answer.status().is_success()) {
            if begun.elapsed() > START {
                let log = std::fs::read_to_string(data.join("slipwayd.log")).unwrap_or_default();
                return Err(Error::Missing(format!("slipwayd did not start:\n{log}")));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Stops it: what runs is broken off and purged from the engine.
    pub(crate) async fn stop(mut self) {
        // The first signal lets builds finish, the second one does not.
        for _ in 0..2 {
            self.terminate().await;
            if timeout(Duration::from_secs(2), self.child.wait()).await.is_ok() {
                return;
            }
        }
        if timeout(STOP, self.child.wait()).await.is_err() {
            eprintln!("slipwayd does not stop and is killed");
        }
    }

    /// As a crash would.
    pub(crate) async fn kill(mut self) -> Result<(), Error> {
        Ok(self.child.kill().await?)
    }

    async fn terminate(&self) {
        let mut kill = Command::new("kill");
        // It may be gone already: Ctrl-C reaches it, too.
        let _ = kill.arg(self.pid.to_string()).stderr(Stdio::null()).status().await;
    }
}

/// The host and what runs on it at once.
pub(crate) fn toml(surroundings: &Surroundings, builder: Builder) -> String {
    let url = &surroundings.docker_host;
    format!(
        "[worker]\nconcurrency = {SLOTS}\n\n[[docker.hosts]]\nname = \"bench\"\nurl = {url:?}\n\
         slots = {SLOTS}\nbuilder = \"{builder}\"\n"
    )
}
