//! Three workers, two API servers, two engines, a broker, a database and a registry of this
//! test's own, with wires between them that can be cut.

use std::process::Stdio;

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

pub(crate) struct House {
    pub(crate) workers: Vec<Mutex<Daemon>>,
    pub(crate) apis: Vec<Mutex<Daemon>>,
    pub(crate) engines: Vec<PrivateEngine>,
    pub(crate) broker: Broker,
    pub(crate) database: Killable,
    pub(crate) registry: Killable,
    /// What can be cut, by name.
    pub(crate) wires: Vec<(&'static str, Wire)>,
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
        let to = async |end| Wire::to(end).await.unwrap();
        let broker_address = authority(&broker.url().unwrap());
        let wires = vec![
            ("workers to database", to(End::Tcp(authority(&database.address().unwrap()))).await),
            ("APIs to database", to(End::Tcp(authority(&database.address().unwrap()))).await),
            ("workers to broker", to(End::Tcp(broker_address.clone())).await),
            ("APIs to broker", to(End::Tcp(broker_address)).await),
            ("engine a", to(End::Unix(one.socket())).await),
            ("engine b", to(End::Unix(two.socket())).await),
            ("registry", to(End::Tcp(registry.address().unwrap())).await),
        ];
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
        for number in 0..WORKERS {
            let settings = self.settings(&key, "workers");
            self.workers.push(Mutex::new(self.daemon(Role::Worker, number, &settings)));
        }
        for number in 0..APIS {
            let settings = self.settings(&key, "APIs");
            self.apis.push(Mutex::new(self.daemon(Role::Api, number, &settings)));
        }
        for daemon in self.workers.iter().chain(&self.apis) {
            daemon.lock().await.start_again().await.unwrap();
        }
    }

    fn daemon(&self, role: Role, number: usize, settings: &str) -> Daemon {
        let data = self.folder.path().join(format!("{role:?}-{number}"));
        let mut daemon = Daemon::new(role, SLIPWAYD, &data, settings);
        daemon.env.push(("RUST_LOG".into(), "info".into()));
        daemon
    }

    /// Builds may be lost often here, and must end all the same.
    fn settings(&self, key: &str, who: &str) -> String {
        let through =
            |url: &str, wire: &str| url.replace(&authority(url), &self.wire(wire).address());
        let database = through(&self.database.address().unwrap(), &format!("{who} to database"));
        let broker = through(&self.broker.url().unwrap(), &format!("{who} to broker"));
        format!(
            "[database]\nurl = \"{database}\"\n[queue]\nurl = \"{broker}\"\n\
             [secrets]\nkey = \"{key}\"\n[blobs]\nurl = \"file://{}/blobs\"\n\
             [worker]\nconcurrency = 3\ngrace_seconds = 2\nlease_seconds = 6\n\
             heartbeat_seconds = 1\nmax_attempts = 100\n\
             [[docker.hosts]]\nname = \"a\"\nurl = \"tcp://{}\"\nslots = 3\n\
             [[docker.hosts]]\nname = \"b\"\nurl = \"tcp://{}\"\nslots = 3\n",
            self.folder.path().display(),
            self.wire("engine a").address(),
            self.wire("engine b").address(),
        )
    }

    pub(crate) fn wire(&self, name: &str) -> &Wire {
        let found = self.wires.iter().find(|(other, _)| *other == name);
        &found.unwrap_or_else(|| panic!("no wire {name}")).1
    }

    /// Where images are pushed to: through the wire.
    pub(crate) fn registry_address(&self) -> String {
        self.wire("registry").address()
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
