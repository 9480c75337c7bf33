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
    assert!(waited.num_seconds() < 45, "{waited}");
    assert_eq!(api.build(&waits).await.unwrap()["status"], "queued");
    drop(api);
    cluster.remove().await;
}

fn at(time: &str) -> chrono::DateTime<chrono::Utc> {
    time.parse().unwrap()
}
