//! API servers that are killed while they tell somebody of a build: another one goes on.

use serde_json::{Value, json};
use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::receiver::{Doing, Got, Receiver, status};

use crate::cluster::{Cluster, build, get, submitted, until};
use crate::history::History;

/// Receivers here are on loopback, and whoever is killed over one is missed after 20 s.
const SETTINGS: [(&str, &str); 2] = [
    ("SLIPWAY__FOLLOWERS__ANSWER_SECONDS", "5"),
    ("SLIPWAY__LIMITS__ALLOW_LOOPBACK_ADDRESSES", "true"),
];

/// A build that is followed by one.
async fn followed(api: &Daemon, command: &str, kind: &str, url: &str) -> String {
    let mut build = build(command);
    build["followers"] = json!([{"kind": kind, "url": url}]);
    submitted(api, &build).await
}

/// Every try, in order.
async fn tries(api: &Daemon, id: &str) -> Vec<Value> {
    let (_, answer) = get(api, &format!("/api/v2/builds/{id}/deliveries?limit=200")).await;
    let mut tries = answer["deliveries"].as_array().unwrap().clone();
    tries.reverse();
    tries
}

/// Waits until the one follower is done.
async fn done(api: &Daemon, id: &str) {
    let path = format!("/api/v2/builds/{id}/followers");
    until(api, &path, |_, answer| answer["followers"][0]["state"] == "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_over_a_webhook() {
    let cluster = Cluster::new().await;
    // The third is not answered: whoever sends it dies waiting.
    let receiver = Receiver::start(|number| if number == 2 { Doing::Nothing } else { status(204) });
    let receiver = receiver.await.unwrap();
    let mut first = cluster.started_with(Role::Api, "first", &SETTINGS).await;
    let worker = cluster.started(Role::Worker, "worker").await;
    let id = followed(&first, "true", "status", &receiver.url("/hook")).await;
    receiver.wait_for(3).await.unwrap();
    first.kill().await.unwrap();
    let second = cluster.started_with(Role::Api, "second", &SETTINGS).await;
    done(&second, &id).await;

    let got = receiver.got();
    let told: Vec<String> = got.iter().map(|got| got.json()["type"].to_string()).collect();
    insta::assert_snapshot!(told.join(" "), @r#""build.queued" "build.preparing" "build.building" "build.building" "build.pushing" "build.purging" "build.succeeded""#);
    let seqs: Vec<i64> = got.iter().map(|got| got.json()["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted(), "{seqs:?}");
    let name = |got: &Got| got.header("webhook-id").unwrap().to_owned();
    assert_eq!(name(&got[2]), name(&got[3]), "the same message again");
    assert_eq!(got[2].body, got[3].body);
    let names: std::collections::BTreeSet<String> = got.iter().map(name).collect();
    assert_eq!(names.len(), 6, "and no other one twice");

    let tries = tries(&second, &id).await;
    let became: Vec<String> =
        tries.iter().map(|one| format!("{} {}", one["attempt"], one["outcome"])).collect();
    insta::assert_snapshot!(became.join("\n"), @r#"
    1 "delivered"
    1 "delivered"
    1 "failed"
    2 "delivered"
    1 "delivered"
    1 "delivered"
    1 "delivered"
    "#);
    for (one, got) in tries.iter().zip(&got) {
        assert_eq!((&one["webhook_id"], &one["seq"]), (&json!(name(got)), &got.json()["seq"]));
        assert_eq!(one["request"]["body"], got.body);
    }
    let error = tries[2]["error"].as_str().unwrap();
    assert!(error.contains("may have arrived"), "{error}");
    drop((second, worker));
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_over_the_stream_of_a_log() {
    let cluster = Cluster::new().await;
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let mut first = cluster.started_with(Role::Api, "first", &SETTINGS).await;
    let worker = cluster.started(Role::Worker, "worker").await;
    let talks = "for i in $(seq 100); do echo line-$i; sleep 0.2; done";
    let id = followed(&first, talks, "logs", &receiver.url("/log")).await;
    // By now places have been written down.
    receiver.until(|got| got.iter().any(|got| got.body.contains("line-75"))).await.unwrap();
    first.kill().await.unwrap();
    let second = cluster.started_with(Role::Api, "second", &SETTINGS).await;
    done(&second, &id).await;

    let got = receiver.got();
    let [before, after] = got.as_slice() else { panic!("{got:#?}") };
    assert!(!before.is_whole && after.is_whole, "{got:#?}");
    let place = |got: &Got| got.header("slipway-sequence").unwrap().parse::<i64>().unwrap();
    assert_eq!(place(before), 0);
    let from = place(after);
    assert!(from > 0, "it goes on, and does not begin again");

    // The two together are the log: no gap, and nothing twice but what was on its way.
    let whole = second.build_log(&id).await.unwrap();
    assert!(whole.starts_with(&before.body), "{got:#?}\n{whole}");
    assert!(whole.ends_with(&after.body), "{got:#?}\n{whole}");
    assert!(before.body.len() + after.body.len() >= whole.len(), "a gap: {got:#?}");
    let first_of = |text: &str| {
        let line = text.lines().find(|line| line.contains("line-")).unwrap();
        line.split("line-").nth(1).unwrap().parse::<usize>().unwrap()
    };
    let history = History::of_success(&second, &id, 1).await;
    let said = history.0.iter().filter(|event| event["seq"].as_i64() > Some(from));
    let said: String = said.filter_map(|event| event["text"].as_str()).collect();
    assert_eq!(first_of(&after.body), first_of(&said), "from the event after the one it names");
    // A place is written down each five seconds, of what was handed over three seconds before: that
    // is 40 lines of 0.2 s, and a busy machine is late with it.
    let last = before.body.matches("line-").count();
    let twice = (last + 1).saturating_sub(first_of(&after.body));
    assert!(twice <= 65, "{twice} lines came twice");

    let tries = tries(&second, &id).await;
    let outcomes: Vec<&str> = tries.iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed", "delivered"], "{tries:#?}");
    assert!(tries.iter().all(|one| one["webhook_id"] == *after.header("webhook-id").unwrap()));
    drop((second, worker));
    cluster.remove().await;
}
