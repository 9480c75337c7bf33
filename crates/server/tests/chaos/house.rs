//! Three workers, two API servers, two engines, a broker, a database and a registry of this
//! test's own, and between each two that talk to each other a wire of their own.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use slipway_test_support::broker::Broker;
use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::engine::{self, PrivateEngine};
use slipway_test_support::killable::{Killable, Kind};
use slipway_test_support::wire::{End, Wire};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::Mutex;

pub(crate) const SLIPWAYD: &str = env!("CARGO_BIN_EXE_slipwayd");
const WORKERS: usize = 3;
const APIS: usize = 2;

/// How long a worker that cannot be reached keeps its builds.
pub(crate) const LEASE: Duration = Duration::from_secs(6);

pub(crate) struct House {
    pub(crate) workers: Vec<Mutex<Daemon>>,
    pub(crate) apis: Vec<Mutex<Daemon>>,
    pub(crate) engines: Vec<PrivateEngine>,
    pub(crate) broker: Broker,
    pub(crate) database: Killable,
    pub(crate) registry: Killable,
    /// What can be cut, by name.
    pub(crate) wires: Vec<(String, Wire)>,
    pub(crate) folder: TempDir,
}

impl House {
    /// Builds it and waits until all of it is ready.
    pub(crate) async fn build() -> Self {
        let (database, registry, broker, one, two) = tokio::try_join!(
            Killable::start(Kind::Postgres),
            Killable::start(Kind::Registry),
            Broker::start(),
            PrivateEngine::start(engine::Kind::default()),
            PrivateEngine::start(engine::Kind::default()),
        )
        .unwrap();
        let ends = [
            ("database", End::Tcp(authority(&database.address().unwrap()))),
            ("broker", End::Tcp(authority(&broker.url().unwrap()))),
            ("engine a", End::Unix(one.socket())),
            ("engine b", End::Unix(two.socket())),
        ];
        let end = End::Tcp(registry.address().unwrap());
        let mut wires = vec![("registry".to_owned(), Wire::to(end).await.unwrap())];
        let workers = (0..WORKERS).map(|number| (Role::Worker, number, &ends[..]));
        let apis = (0..APIS).map(|number| (Role::Api, number, &ends[..2]));
        for (role, number, ends) in workers.chain(apis) {
            for (name, end) in ends {
                let name = format!("{role:?} {number} to {name}");
                wires.push((name, Wire::to(end.clone()).await.unwrap()));
            }
        }
        let mut house = Self {
            workers: Vec::new(),
            apis: Vec::new(),
            engines: vec![one, two],
            broker,
            database,
            registry,
            wires,
            folder: tempfile::tempdir().unwrap(),
        };
        house.staff().await;
        house
    }

    async fn staff(&mut self) {
        let key = Command::new(SLIPWAYD).arg("new-key").output().await.unwrap();
        let key = String::from_utf8(key.stdout).unwrap().trim().to_owned();
        let migrated = Command::new(SLIPWAYD)
            .arg("migrate")
            .env("SLIPWAY__DATABASE__URL", self.database.address().unwrap())
            .stdout(Stdio::null())
            .status()
            .await
            .unwrap();
        assert!(migrated.success());
        std::fs::create_dir(self.temporary()).unwrap();
        for number in 0..WORKERS {
            self.workers.push(Mutex::new(self.daemon(Role::Worker, number, &key)));
        }
        for number in 0..APIS {
            self.apis.push(Mutex::new(self.daemon(Role::Api, number, &key)));
        }
        self.start_again().await;
    }

    async fn start_again(&self) {
        for daemon in self.workers.iter().chain(&self.apis) {
            daemon.lock().await.start_again().await.unwrap();
        }
    }

    /// Waits until all who work here can do so.
    pub(crate) async fn ready(&self) {
        for daemon in self.workers.iter().chain(&self.apis) {
            daemon.lock().await.ready().await.unwrap();
        }
    }

    fn daemon(&self, role: Role, number: usize, key: &str) -> Daemon {
        let data = self.folder.path().join(format!("{role:?}-{number}"));
        let mut settings = self.settings(key, &format!("{role:?} {number}"));
        if role == Role::Worker {
            settings.push_str(&self.hosts(number));
        }
        let mut daemon = Daemon::new(role, SLIPWAYD, &data, &settings);
        daemon.env.push(("RUST_LOG".into(), "info".into()));
        daemon.env.push(("TMPDIR".into(), self.temporary().display().to_string()));
        daemon
    }

    /// Where the daemons may put what they need for a moment.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    /// The bytes of uploads.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    /// Builds may be lost often here, and must end all the same.
    fn settings(&self, key: &str, who: &str) -> String {
        let through =
            |url: &str, to: &str| url.replace(&authority(url), &self.wire(who, to).address());
        format!(
            "[database]\nurl = \"{}\"\n[queue]\nurl = \"{}\"\n[secrets]\nkey = \"{key}\"\n\
             [blobs]\nurl = \"file://{}\"\n\
             [worker]\nconcurrency = 3\ngrace_seconds = 2\nlease_seconds = {}\n\
             heartbeat_seconds = 1\nmax_attempts = 100\n",
            through(&self.database.address().unwrap(), "database"),
            through(&self.broker.url().unwrap(), "broker"),
            self.blobs().display(),
            LEASE.as_secs(),
        )
    }

    fn hosts(&self, worker: usize) -> String {
        let who = format!("{:?} {worker}", Role::Worker);
        let host = |name: &str| {
            let address = self.wire(&who, &format!("engine {name}")).address();
            format!("[[docker.hosts]]\nname = \"{name}\"\nurl = \"tcp://{address}\"\nslots = 3\n")
        };
        host("a") + &host("b")
    }

    fn wire(&self, who: &str, to: &str) -> &Wire {
        let name = format!("{who} to {to}");
        &self.wires.iter().find(|(other, _)| *other == name).unwrap().1
    }

    /// Where images are pushed to: through the wire.
    pub(crate) fn registry_address(&self) -> String {
        self.wires[0].1.address()
    }

    /// One number that the database answers, asked past everything that can be cut.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let asked = Command::new("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", sql])
            .arg(self.database.address().unwrap())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        said.parse().unwrap_or_else(|_| panic!("{sql}: {said} {asked:?}"))
    }
}

/// `host:port` of a URL.
fn authority(url: &str) -> String {
    let rest = url.split("://").last().unwrap_or(url);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority).to_owned()
}
