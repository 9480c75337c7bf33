//! What every story here stands on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a story waits for something to become so, on a machine that has much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The argument that says for how many seconds a step of [`pauses`] does.
const PAUSE: &str = "PAUSE";

/// A daemon over an empty data directory.
pub(crate) struct Stack {
    pub(crate) daemon: Daemon,
    pub(crate) data: TempDir,
}

/// Where the engine's socket is.
pub(crate) fn engine_socket() -> PathBuf {
    let url = env::docker_host();
    PathBuf::from(url.strip_prefix("unix://").expect("these tests need a unix socket"))
}

/// Settings with one host at `url`. No story waits for a lease to run out: a daemon that starts has
/// the builds of the one before it at once. So it is longer than any machine stands still.
pub(crate) fn one_host(url: &str) -> String {
    format!(
        "[worker]\ngrace_seconds = 2\nlease_seconds = 30\nheartbeat_seconds = 1\n\
         [[docker.hosts]]\nname = \"a\"\nurl = \"{url}\"\nslots = 4\n"
    )
}

impl Stack {
    pub(crate) async fn with(settings: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let daemon = start(data.path(), settings).await;
        Self { daemon, data }
    }

    /// With something missing: it answers, and is not ready.
    pub(crate) async fn unready(settings: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let binary = env!("CARGO_BIN_EXE_slipwayd");
        let mut daemon = Daemon::new(Role::Standalone, binary, data.path(), settings);
        daemon.spawn().unwrap();
        let live = format!("{}/health/live", daemon.url);
        let began = Instant::now();
        while daemon.http.get(&live).send().await.is_err() {
            assert!(began.elapsed() < PATIENCE, "slipwayd did not start: {}", daemon.log());
            sleep(Duration::from_millis(50)).await;
        }
        Self { daemon, data }
    }

    /// On the real engine, where [`pauses`] does so for so many seconds.
    pub(crate) async fn pausing(seconds: u32) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (binary, settings) = (env!("CARGO_BIN_EXE_slipwayd"), one_host(&env::docker_host()));
        let mut daemon = Daemon::new(Role::Standalone, binary, data.path(), &settings);
        daemon.env = pause(seconds);
        daemon.start_again().await.unwrap();
        Self { daemon, data }
    }

    /// Starts the daemon once more, and nothing pauses any longer.
    pub(crate) async fn start_again_without_pauses(&mut self) {
        self.daemon.env = pause(0);
        self.daemon.start_again().await.unwrap();
    }

    /// Why a build waits, once that has `words` in it: a host is looked at beside the start.
    pub(crate) async fn waits_because(&self, id: &str, words: &str) {
        let began = Instant::now();
        loop {
            let build = self.daemon.build(id).await.unwrap();
            if build["waiting"]["reason"].as_str().is_some_and(|reason| reason.contains(words)) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{words:?} is not why it waits: {build:#}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// On the real engine, without a wire between.
    pub(crate) async fn plain() -> Self {
        Self::with(&one_host(&env::docker_host())).await
    }

    /// Submits and gives the id.
    pub(crate) async fn submitted(&self, build: &Value) -> String {
        let answer = self.daemon.submit(build).await.unwrap();
        answer["id"].as_str().unwrap_or_else(|| panic!("not accepted: {answer:#}")).to_owned()
    }

    /// The answer to a GET, in JSON.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.daemon.url);
        self.daemon.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// A POST without a body.
    pub(crate) async fn post(&self, path: &str) {
        let url = format!("{}{path}", self.daemon.url);
        let answer = self.daemon.http.post(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// Waits until so many hosts have answered.
    pub(crate) async fn hosts_known(&self, count: usize) {
        loop {
            let hosts = self.get("/api/v2/hosts").await;
            let all = hosts["hosts"].as_array().unwrap();
            if all.iter().filter(|host| host["platform"].is_string()).count() == count {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Stops it in good order; nothing that it made may be left on the engine.
    pub(crate) async fn leaves_nothing(mut self, ids: &[&str]) {
        for id in ids {
            let simple = id.replace('-', "");
            let mut left = images_named(&simple).await;
            // The sweep may still be at it.
            let began = Instant::now();
            while !left.is_empty() {
                assert!(began.elapsed() < PATIENCE, "left on the host: {left:?}");
                sleep(Duration::from_millis(200)).await;
                left = images_named(&simple).await;
            }
        }
        self.daemon.signal("TERM").await.unwrap();
        assert!(self.daemon.ended().await.unwrap(), "{}", self.daemon.log());
    }
}

async fn start(data: &Path, settings: &str) -> Daemon {
    Daemon::start(env!("CARGO_BIN_EXE_slipwayd"), data, settings).await.unwrap()
}

/// The engine's images whose name holds `part`.
pub(crate) async fn images_named(part: &str) -> Vec<String> {
    images_on(&engine_socket(), part).await
}

/// The images of the engine at `socket` whose name holds `part`.
pub(crate) async fn images_on(socket: &Path, part: &str) -> Vec<String> {
    let output = tokio::process::Command::new("curl")
        .args(["-sS", "--unix-socket"])
        .arg(socket)
        .arg("http://engine/images/json")
        .output()
        .await
        .unwrap();
    let images: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tags = images
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|image| image["RepoTags"].as_array().cloned().unwrap_or_default());
    tags.filter_map(|tag| tag.as_str().map(str::to_owned)).filter(|t| t.contains(part)).collect()
}

/// A wire to the engine, and its URL.
pub(crate) async fn wired_engine() -> (Wire, String) {
    let wire = Wire::to(End::Unix(engine_socket())).await.unwrap();
    let url = format!("tcp://{}", wire.address());
    (wire, url)
}

/// A build of `dockerfile` that is pushed to a repository of its own.
pub(crate) fn build_of(dockerfile: &str) -> Value {
    json!({
        "image": format!("{}/stories/{}:1", env::registry(), unique()),
        "source": {"type": "dockerfile", "content": dockerfile},
    })
}

/// A Dockerfile on the test base image whose one step cannot be cached.
pub(crate) fn fresh(command: &str) -> String {
    format!("FROM {}\nRUN echo {} && {command}\n", env::base_image(), unique())
}

/// The same, with a step that lasts as long as a story needs to break it off: how long, the daemon
/// says that builds it.
pub(crate) fn pauses() -> String {
    format!("FROM {}\nARG {PAUSE}\nRUN echo {} && sleep ${PAUSE}\n", env::base_image(), unique())
}

fn pause(seconds: u32) -> Vec<(String, String)> {
    vec![("EXTRA_BUILD_ARGS".into(), json!({PAUSE: seconds.to_string()}).to_string())]
}

pub(crate) fn unique() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// The digest that the registry has under an image's tag.
pub(crate) async fn digest_in_registry(registry: &str, image: &str) -> Option<String> {
    let (path, tag) = image.rsplit_once(':').unwrap();
    let path = path.strip_prefix(registry).unwrap().trim_start_matches('/');
    let answer = reqwest::Client::new()
        .head(format!("http://{registry}/v2/{path}/manifests/{tag}"))
        .header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
        .send()
        .await
        .unwrap();
    let digest = answer.headers().get("Docker-Content-Digest")?;
    Some(digest.to_str().unwrap().to_owned())
}

/// Removes an image that a story left on purpose.
pub(crate) async fn remove_image(image: &str) {
    let done = tokio::process::Command::new("curl")
        .args(["-sSf", "-X", "DELETE", "--unix-socket"])
        .arg(engine_socket())
        .arg(format!("http://engine/images/{image}"))
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
