//! What the daemons of one story share.

use std::process::Output;

use serde_json::{Value, json};
use slipway_test_support::broker::Vhost;
use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::database::Database;
use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};
use tempfile::TempDir;
use tokio::process::Command;

pub(crate) const SLIPWAYD: &str = env!("CARGO_BIN_EXE_slipwayd");

/// A database, a virtual host of the broker and a folder, all new.
pub(crate) struct Cluster {
    pub(crate) database: Database,
    /// Goes when it is dropped.
    pub(crate) broker: Vhost,
    pub(crate) folder: TempDir,
    /// What is between the daemons and their database, where a story wants something there.
    pub(crate) database_url: String,
    pub(crate) broker_url: String,
    pub(crate) engine: String,
    pub(crate) grace_seconds: u32,
    /// Longer than a busy machine stands still, but for stories that wait for one to run out.
    pub(crate) lease_seconds: u32,
    /// What `[blobs]` says.
    pub(crate) blobs: String,
    key: String,
}

impl Cluster {
    /// With an empty database.
    pub(crate) async fn empty() -> Self {
        Self::empty_on(&env::database()).await
    }

    async fn empty_on(server: &str) -> Self {
        let database = Database::on(server).await.unwrap();
        let broker = Vhost::new().await.unwrap();
        let key = Command::new(SLIPWAYD).arg("new-key").output().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        Self {
            database_url: database.url.clone(),
            blobs: format!("url = \"file://{}/blobs\"", folder.path().display()),
            broker_url: broker.url(),
            engine: env::docker_host(),
            grace_seconds: 2,
            lease_seconds: 30,
            key: String::from_utf8(key.stdout).unwrap().trim().to_owned(),
            folder,
            database,
            broker,
        }
    }

    /// With the schema of this release.
    pub(crate) async fn new() -> Self {
        Self::on(&env::database()).await
    }

    /// The same on a PostgreSQL server of the story's own.
    pub(crate) async fn on(server: &str) -> Self {
        let cluster = Self::empty_on(server).await;
        let done = cluster.migrate().await;
        assert!(done.status.success(), "{done:?}");
        cluster
    }

    /// With a wire between its daemons and their database.
    pub(crate) async fn wired_to_database() -> (Self, Wire) {
        let mut cluster = Self::new().await;
        let address = env::database();
        let address = address.split("://").nth(1).unwrap().split('/').next().unwrap();
        let address = address.rsplit('@').next().unwrap().to_owned();
        let wire = Wire::to(End::Tcp(address.clone())).await.unwrap();
        cluster.database_url = cluster.database_url.replace(&address, &wire.address());
        (cluster, wire)
    }

    /// With a wire between its daemons and their broker, which notice within two seconds
    /// that it is silent. To connect takes a busy machine more than one.
    pub(crate) async fn wired_to_broker() -> (Self, Wire) {
        let mut cluster = Self::new().await;
        let wire = Wire::to(End::Tcp(cluster.broker.address())).await.unwrap();
        let url = cluster.broker.url_at(&wire.address());
        cluster.broker_url = format!("{url}?heartbeat=1&connection_timeout=5000");
        (cluster, wire)
    }

    pub(crate) async fn migrate(&self) -> Output {
        Command::new(SLIPWAYD)
            .arg("migrate")
            .env("SLIPWAY__DATABASE__URL", &self.database_url)
            .output()
            .await
            .unwrap()
    }

    /// A daemon that is not started yet.
    pub(crate) fn daemon(&self, role: Role, name: &str) -> Daemon {
        let settings = format!(
            "[database]\nurl = \"{}\"\n[queue]\nurl = \"{}\"\n[secrets]\nkey = \"{}\"\n\
             [blobs]\n{}\n\
             [worker]\ngrace_seconds = {}\nlease_seconds = {}\nheartbeat_seconds = 1\n\
             [[docker.hosts]]\nname = \"a\"\nurl = \"{}\"\nslots = 4\n",
            self.database_url,
            self.broker_url,
            self.key,
            self.blobs,
            self.grace_seconds,
            self.lease_seconds,
            self.engine,
        );
        Daemon::new(role, SLIPWAYD, &self.folder.path().join(name), &settings)
    }

    /// A daemon that is ready.
    pub(crate) async fn started(&self, role: Role, name: &str) -> Daemon {
        let mut daemon = self.daemon(role, name);
        daemon.start_again().await.unwrap();
        daemon
    }

    /// A daemon that is ready, with further variables.
    pub(crate) async fn started_with(
        &self,
        role: Role,
        name: &str,
        variables: &[(&str, &str)],
    ) -> Daemon {
        let mut daemon = self.daemon(role, name);
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        daemon.env.extend(variables);
        daemon.start_again().await.unwrap();
        daemon
    }

    pub(crate) async fn remove(self) {
        self.database.remove().await.unwrap();
    }
}

/// A build of one step that cannot be cached, pushed to a repository of its own.
pub(crate) fn build(command: &str) -> Value {
    let unique = uuid::Uuid::now_v7().simple();
    let dockerfile = format!("FROM {}\nRUN echo {unique} && {command}\n", env::base_image());
    json!({
        "image": format!("{}/daemons/{unique}:1", env::registry()),
        "source": {"type": "dockerfile", "content": dockerfile},
    })
}

/// Submits a build and gives its id.
pub(crate) async fn submitted(api: &Daemon, build: &Value) -> String {
    let answer = api.submit(build).await.unwrap();
    answer["id"].as_str().unwrap_or_else(|| panic!("not accepted: {answer:#}")).to_owned()
}

/// Status and JSON of a path; a status of 0 says that nobody listens.
pub(crate) async fn get(daemon: &Daemon, path: &str) -> (u16, Value) {
    match daemon.http.get(format!("{}{path}", daemon.url)).send().await {
        Ok(answer) => (answer.status().as_u16(), answer.json().await.unwrap_or_default()),
        Err(_) => (0, Value::Null),
    }
}

/// Asks until the answer is as wanted, and gives it.
pub(crate) async fn until(
    daemon: &Daemon,
    path: &str,
    wanted: impl Fn(u16, &Value) -> bool,
) -> Value {
    let began = tokio::time::Instant::now();
    loop {
        let (status, answer) = get(daemon, path).await;
        if wanted(status, &answer) {
            return answer;
        }
        let waited = began.elapsed();
        assert!(waited.as_secs() < 120, "{path}: {status} {answer:#}\n{}", daemon.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// What a check of the health says: its status and message.
pub(crate) fn check<'a>(health: &'a Value, name: &str) -> (&'a str, &'a str) {
    let checks = health["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {health:#}"));
    (found["status"].as_str().unwrap(), found["message"].as_str().unwrap_or_default())
}
