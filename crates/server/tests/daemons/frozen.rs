//! A worker that stands still for longer than its lease, and then goes on as if nothing had
//! been.

use std::time::Duration;

use slipway_test_support::daemon::Role;
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, build, submitted};
use crate::history::History;

#[tokio::test(flavor = "multi_thread")]
async fn it_writes_nothing_and_lets_go_of_its_engine() {
    let mut cluster = Cluster::new().await;
    cluster.lease_seconds = 6;
    let api = cluster.started(Role::Api, "api").await;
    // A number that no other process sleeps for.
    let long = (3_000_000_000 + uuid::Uuid::now_v7().as_u128() % 1_000_000_000).to_string();
    // What it does depends on who runs it. Output comes all the time, so that there is much
    // to write on waking.
    let pauses = |seconds: &str| format!("{{\"PAUSE\": \"{seconds}\"}}");
    let (mut dockerfile, command) =
        (build("true"), "(while :; do echo $PAUSE; sleep 0.1; done) & sleep $PAUSE");
    let text = dockerfile["source"]["content"].as_str().unwrap();
    let text = format!("{text}ARG PAUSE\nRUN {command}\n");
    dockerfile["source"]["content"] = text.into();

    let frozen = [("EXTRA_BUILD_ARGS", &*pauses(&long))];
    let frozen = cluster.started_with(Role::Worker, "frozen", &frozen).await;
    let id = submitted(&api, &dockerfile).await;
    until("the command runs", || sleeps(&long)).await;
    frozen.signal("STOP").await.unwrap();
    let other = [("EXTRA_BUILD_ARGS", &*pauses("10"))];
    let other = cluster.started_with(Role::Worker, "other", &other).await;
    let again = "\"attempt\":2".to_owned();
    let url = format!("{}/api/v2/builds/{id}", api.url);
    loop {
        let now = api.http.get(&url).send().await.unwrap().text().await.unwrap();
        if now.contains(&again) && now.contains("\"building\"") {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert!(sleeps(&long), "nobody else touches its request to the engine");

    // In the middle of the other's build.
    frozen.signal("CONT").await.unwrap();
    until("its request is dropped", || !sleeps(&long)).await;
    until("it knows", || frozen.log().contains("build was taken from this worker")).await;
    let history = History::of_success(&api, &id, 2).await;
    let states = ["queued", "preparing", "building", "queued"];
    let states = [&states[..], &["preparing", "building", "pushing", "purging", "succeeded"]];
    assert_eq!(history.states(), states.concat(), "{history:#?}");

    // And works as before.
    drop(other);
    let next = submitted(&api, &build("true")).await;
    History::of_success(&api, &next, 1).await;
    assert_eq!(History::of(&api, &id).await, history, "what is over stays as it is");
    drop((api, frozen));
    cluster.remove().await;
}

/// Waits for something that only a look tells.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(120), "not within two minutes: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Whether a process of this machine sleeps for so long. The engine runs here.
fn sleeps(seconds: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().any(|entry| {
        let path = entry.unwrap().path().join("cmdline");
        std::fs::read_to_string(path).is_ok_and(|line| {
            let mut words = line.split('\0');
            words.next().is_some_and(|word| word.ends_with("sleep"))
                && words.next() == Some(seconds)
        })
    })
}
