//! A build that waits for longer than it may.

use serde_json::json;
use slipway_test_support::daemon::Role;

use crate::cluster::{Cluster, build, submitted};
use crate::history::History;

#[tokio::test(flavor = "multi_thread")]
async fn is_over_though_there_is_no_worker() {
    let cluster = Cluster::new().await;
    let api = cluster.started(Role::Api, "api").await;
    let (mut asked, patient) = (build("true"), build("true"));
    asked["queue_timeout_seconds"] = json!(1);
    let id = submitted(&api, &asked).await;
    let waits = submitted(&api, &patient).await;
    let done = api.end(&id).await.unwrap();
    assert_eq!(done["status"], "timed_out", "{done:#}");
    assert_eq!(done["failure"]["reason"], "queue_timeout", "{done:#}");
    let said = done["failure"]["message"].as_str().unwrap();
    assert_eq!(
        said,
        "waited in line for 1 s, which is all it may: no worker has reported a Docker host"
    );
    assert_eq!(History::of(&api, &id).await.states(), ["queued", "timed_out"]);
    // Within a few rounds of those who look, not of those who tidy up.
    let waited = done["timings"]["finished_at"].as_str().unwrap();
    let waited = at(waited) - at(done["timings"]["created_at"].as_str().unwrap());
    assert!(waited.num_seconds() < 120, "{waited}");
    assert_eq!(api.build(&waits).await.unwrap()["status"], "queued");
    drop(api);
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_last_worker_held_goes_back_into_line() {
    let mut cluster = Cluster::new().await;
    cluster.lease_seconds = 6;
    let api = cluster.started(Role::Api, "api").await;
    let mut worker = cluster.started(Role::Worker, "worker").await;
    let id = submitted(&api, &build("sleep 60")).await;
    let unwanted = submitted(&api, &build("sleep 60")).await;
    for id in [&id, &unwanted] {
        api.until(id, &["building"]).await.unwrap();
    }
    worker.kill().await.unwrap();
    assert_eq!(api.cancel(&unwanted).await.unwrap(), 202);

    // Nobody builds it; it says so, and obeys.
    let waits = api.until(&id, &["queued"]).await.unwrap();
    assert_eq!(waits["attempt"], 1, "{waits:#}");
    let reason = waits["waiting"]["reason"].as_str().unwrap();
    assert!(!reason.is_empty(), "{waits:#}");
    let log = api.build_log(&id).await.unwrap();
    assert!(log.contains("queued: the worker was lost; the build is back in line"), "{log}");
    assert_eq!(api.end(&unwanted).await.unwrap()["status"], "cancelled");
    assert_eq!(api.cancel(&id).await.unwrap(), 202);
    assert_eq!(api.end(&id).await.unwrap()["status"], "cancelled");
    drop(api);
    cluster.remove().await;
}

fn at(time: &str) -> chrono::DateTime<chrono::Utc> {
    time.parse().unwrap()
}
