//! A real `slipwayd` in a process of its own, and what a client asks it.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use crate::port::Port;

/// How long anything in these tests may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a daemon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `slipwayd standalone`.
    Standalone,
    /// `slipwayd api`.
    Api,
    /// `slipwayd worker`.
    Worker,
}

/// A running daemon. Killed when dropped.
pub struct Daemon {
    role: Role,
    binary: PathBuf,
    /// Where its settings and its log are.
    pub data: PathBuf,
    settings: String,
    child: Option<Child>,
    /// Where it listens, from its last start on.
    port: Option<Port>,
    /// Further variables of its environment. They hold from the next start.
    pub env: Vec<(String, String)>,
    /// `http://127.0.0.1:port`; of a worker, where it tells its health.
    pub url: String,
    /// For requests of all kinds.
    pub http: reqwest::Client,
}

impl Daemon {
    /// Starts `slipwayd standalone` over the data directory `data` with these settings
    /// (TOML) and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(binary: &str, data: &Path, settings: &str) -> io::Result<Self> {
        let mut daemon = Self::new(Role::Standalone, binary, data, settings);
        daemon.start_again().await?;
        Ok(daemon)
    }

    /// A daemon that is not started yet. `data` is where its settings and its log are.
    #[must_use]
    pub fn new(role: Role, binary: &str, data: &Path, settings: &str) -> Self {
        Self {
            role,
            binary: binary.into(),
            data: data.to_owned(),
            settings: settings.to_owned(),
            child: None,
            port: None,
            env: Vec::new(),
            url: String::new(),
            http: reqwest::Client::new(),
        }
    }

    /// Starts it over the same data as before, on another port, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_again(&mut self) -> io::Result<()> {
        self.spawn()?;
        self.ready().await
    }

    /// Starts it and does not wait.
    ///
    /// # Errors
    /// When there is no such program.
    pub fn spawn(&mut self) -> io::Result<()> {
        let port = Port::keep()?;
        std::fs::create_dir_all(&self.data)?;
        let file = self.data.join("slipway.toml");
        std::fs::write(&file, &self.settings)?;
        let log = std::fs::File::options().create(true).append(true).open(self.log_file())?;
        let mut command = Command::new(&self.binary);
        let listen = match self.role {
            Role::Standalone => {
                command.arg("standalone").arg("--data-dir").arg(&self.data);
                "SLIPWAY__HTTP__LISTEN"
            }
            Role::Api => {
                command.arg("api");
                "SLIPWAY__HTTP__LISTEN"
            }
            Role::Worker => {
                command.arg("worker");
                "SLIPWAY__WORKER__LISTEN"
            }
        };
        let child = command
            .arg("--config")
            .arg(&file)
            .env(listen, port.address().to_string())
            .env("RUST_LOG", "trace")
            .env_remove("DOCKER_HOST")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        self.child = Some(child);
        self.url = format!("http://{}", port.address());
        self.port = Some(port);
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it does not get there.
    pub async fn ready(&self) -> io::Result<()> {
        let ready = format!("{}/health/ready", self.url);
        let begun = Instant::now();
        loop {
            if self.http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("slipwayd did not start: {}", self.log())));
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything the daemon has logged so far, at its most talkative.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.data.join("slipwayd.log")
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Kills it as a power cut would.
    ///
    /// # Errors
    /// When it is gone already.
    pub async fn kill(&mut self) -> io::Result<()> {
        match &mut self.child {
            Some(child) => child.kill().await,
            None => Err(io::Error::other("not running")),
        }
    }

    /// Sends a signal by name, such as `TERM`.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub async fn signal(&self, name: &str) -> io::Result<()> {
        let pid = self.pid().ok_or_else(|| io::Error::other("not running"))?;
        Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().await?;
        Ok(())
    }

    /// Waits for the process to end by itself, and says whether it ended well.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn ended(&mut self) -> io::Result<bool> {
        let child = self.child.as_mut().ok_or_else(|| io::Error::other("not running"))?;
        let status = tokio::time::timeout(PATIENCE, child.wait()).await??;
        Ok(status.success())
    }

    /// POSTs a build and gives the answer.
    ///
    /// # Errors
    /// When there is no answer in JSON.
    pub async fn submit(&self, build: &Value) -> reqwest::Result<Value> {
        let url = format!("{}/api/v2/builds", self.url);
        self.http.post(url).json(build).send().await?.json().await
    }

    /// Uploads a context and gives the upload's id.
    ///
    /// # Errors
    /// When there is no answer in JSON.
    pub async fn upload(&self, tar: impl Into<reqwest::Body>) -> reqwest::Result<Value> {
        let url = format!("{}/api/v2/uploads", self.url);
        let answer: Value = self.http.post(url).body(tar).send().await?.json().await?;
        Ok(answer["id"].clone())
    }

    /// The build as it stands.
    ///
    /// # Errors
    /// When there is no answer in JSON.
    pub async fn build(&self, id: &str) -> reqwest::Result<Value> {
        let url = format!("{}/api/v2/builds/{id}", self.url);
        self.http.get(url).send().await?.json().await
    }

    /// The log as text.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn build_log(&self, id: &str) -> reqwest::Result<String> {
        let url = format!("{}/api/v2/builds/{id}/logs", self.url);
        self.http.get(url).send().await?.text().await
    }

    /// Asks for a build to stop; gives the HTTP status.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn cancel(&self, id: &str) -> reqwest::Result<u16> {
        let url = format!("{}/api/v2/builds/{id}/cancel", self.url);
        Ok(self.http.post(url).send().await?.status().as_u16())
    }

    /// Waits until the build's status is one of these, and gives the build.
    ///
    /// # Errors
    /// When it ends in another way, or does not get there.
    pub async fn until(&self, id: &str, statuses: &[&str]) -> io::Result<Value> {
        const ENDS: [&str; 4] = ["succeeded", "failed", "cancelled", "timed_out"];
        let begun = Instant::now();
        loop {
            let build = self.build(id).await.map_err(io::Error::other)?;
            let status = build["status"].as_str().unwrap_or_default();
            if statuses.contains(&status) {
                return Ok(build);
            }
            if ENDS.contains(&status) || begun.elapsed() > PATIENCE {
                let log = self.build_log(id).await.unwrap_or_default();
                let problem = format!("wanted {statuses:?}, got {build:#}\n{log}");
                return Err(io::Error::other(problem));
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the build is over, and gives it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end(&self, id: &str) -> io::Result<Value> {
        self.until(id, &["succeeded", "failed", "cancelled", "timed_out"]).await
    }
}
