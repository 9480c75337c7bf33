//! SIGTERM.

use std::time::{Duration, Instant};

use serde_json::json;
use slipway_test_support::daemon::Role;

use crate::cluster::{Cluster, build, check, get, submitted, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_api_sends_its_followers_away_and_ends() {
    let cluster = Cluster::new().await;
    // Who is not sent away has so long.
    let patient = [("SLIPWAY__HTTP__GRACE_SECONDS", "120")];
    let mut api = cluster.started_with(Role::Api, "api", &patient).await;
    let id = submitted(&api, &build("true")).await;
    let follow = |path: &str| {
        let url = format!("{}/api/v2/builds/{id}/{path}", api.url);
        api.http.get(url).send()
    };
    let mut events = follow("events").await.unwrap();
    let mut log = follow("logs?follow=true").await.unwrap();
    // Both have seen that it is queued.
    let mut seen = read_until(&mut events, "\"queued\"").await;
    read_until(&mut log, "queued").await;
    let began = Instant::now();
    api.signal("TERM").await.unwrap();
    seen.push_str(&events.text().await.unwrap());
    let events = seen;
    assert!(events.starts_with("retry: 2000\n\n"), "{events}");
    assert!(events.ends_with("event: reconnect\ndata: {\"last_seq\":1}\n\n"), "{events}");
    let log = log.text().await.unwrap();
    assert!(log.ends_with("go on with ?follow=true&from=1\n"), "{log}");
    assert!(api.ended().await.unwrap(), "{}", api.log());
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(get(&api, "/health/live").await.0, 0);

    // What it had accepted is there, for the next one to tell of.
    let next = cluster.started(Role::Api, "next").await;
    assert_eq!(next.build(&id).await.unwrap()["status"], "queued");
    drop((api, next));
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_finishes_what_it_can_within_its_grace() {
    let mut cluster = Cluster::new().await;
    cluster.grace_seconds = 60;
    let api = cluster.started(Role::Api, "api").await;
    let mut worker = cluster.started(Role::Worker, "worker").await;
    let id = submitted(&api, &build("sleep 10")).await;
    api.until(&id, &["building"]).await.unwrap();
    worker.signal("TERM").await.unwrap();
    let ready = until(&worker, "/health/ready", |status, _| status == 503).await;
    assert_eq!(check(&ready, "process"), ("unavailable", "is stopping"));
    let late = submitted(&api, &build("true")).await;
    assert!(worker.ended().await.unwrap(), "{}", worker.log());
    let done = api.build(&id).await.unwrap();
    assert_eq!((&done["status"], &done["attempt"]), (&json!("succeeded"), &json!(1)), "{done:#}");
    assert_eq!(api.build(&late).await.unwrap()["status"], "queued", "it takes nothing any more");
    drop(api);
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_hands_back_what_outlasts_its_grace() {
    let mut cluster = Cluster::new().await;
    cluster.grace_seconds = 1;
    let api = cluster.started(Role::Api, "api").await;
    // How long the step takes, the worker says that builds it.
    let long = [("EXTRA_BUILD_ARGS", r#"{"PAUSE": "300"}"#)];
    let mut worker = cluster.started_with(Role::Worker, "worker", &long).await;
    let mut wanted = build("true");
    let text = wanted["source"]["content"].as_str().unwrap();
    wanted["source"]["content"] = format!("{text}ARG PAUSE\nRUN sleep $PAUSE\n").into();
    let id = submitted(&api, &wanted).await;
    api.until(&id, &["building"]).await.unwrap();
    worker.signal("TERM").await.unwrap();
    assert!(worker.ended().await.unwrap(), "{}", worker.log());
    assert_eq!(api.build(&id).await.unwrap()["status"], "queued");
    let log = api.build_log(&id).await.unwrap();
    assert!(log.contains("the worker stopped; the build is back in line"), "{log}");

    let short = [("EXTRA_BUILD_ARGS", r#"{"PAUSE": "1"}"#)];
    let other = cluster.started_with(Role::Worker, "other", &short).await;
    let done = api.end(&id).await.unwrap();
    assert_eq!((&done["status"], &done["attempt"]), (&json!("succeeded"), &json!(2)), "{done:#}");
    drop((api, other));
    cluster.remove().await;
}

/// What a stream has brought once it holds `text`.
async fn read_until(stream: &mut reqwest::Response, text: &str) -> String {
    let mut seen = String::new();
    while !seen.contains(text) {
        let chunk = stream.chunk().await.unwrap();
        seen.push_str(&String::from_utf8_lossy(&chunk.expect("it ended too soon")));
    }
    seen
}
