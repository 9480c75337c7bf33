//! Machines whose clocks are apart.

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::Value;
use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::env;

use crate::cluster::{Cluster, build, submitted};
use crate::frozen::until;
use crate::history::History;

/// What the machine may be slow by, with all that it has to do; far from what the clocks are apart.
const SLACK: TimeDelta = TimeDelta::seconds(240);

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workers_one_is_ten_minutes_ahead() {
    let mut cluster = Cluster::new().await;
    cluster.lease_seconds = 6;
    let api = cluster.started(Role::Api, "api").await;
    let two_each = ("SLIPWAY__WORKER__CONCURRENCY", "2");
    let library = env::faketime();
    let ahead = [
        two_each,
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME", "+600"),
        // Its clock is wrong; its seconds are as long as everybody's.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        // Or it leaves a file behind when it is killed.
        ("FAKETIME_DISABLE_SHM", "1"),
    ];
    let right = cluster.started_with(Role::Worker, "right", &[two_each]).await;
    let mut ahead = cluster.started_with(Role::Worker, "ahead", &ahead).await;
    let off = first_line_at(&ahead) - slipway_domain::now();
    assert!(off > TimeDelta::seconds(500), "its clock is {off} ahead");

    // Longer than the lease and than the rounds of both: whoever went by its own clock would
    // take the other's builds back.
    let began = slipway_domain::now();
    let builds = all_four_run(&api, "sleep 9").await;
    for id in &builds {
        let history = History::of_success(&api, id, 1).await;
        for event in &history.0 {
            let at: DateTime<Utc> = event["at"].as_str().unwrap().parse().unwrap();
            assert!((at - began).abs() < SLACK, "{history:#?}");
        }
        let timings = &api.build(id).await.unwrap()["timings"];
        for stage in ["queued", "preparing", "building", "pushing", "purging"] {
            let took = timings[format!("{stage}_ms")].as_i64().unwrap();
            assert!((0..SLACK.num_milliseconds()).contains(&took), "{stage}: {timings:#}");
        }
    }
    for worker in [&right, &ahead] {
        // A worker says so when it is through, a moment after the end is written.
        until("it let go of both", || worker.log().matches("build left this worker").count() == 2)
            .await;
        assert!(!worker.log().contains("a lease ran out"), "{}", worker.log());
    }

    let builds = all_four_run(&api, "sleep 8").await;
    let killed = slipway_domain::now();
    ahead.kill().await.unwrap();
    let ends = join_all(builds.iter().map(|id| api.end(id))).await;
    let again: Vec<Value> =
        ends.into_iter().map(Result::unwrap).filter(|end| end["attempt"] == 2).collect();
    assert_eq!(again.len(), 2, "{again:#?}");
    for build in again {
        let history = History::of_success(&api, build["id"].as_str().unwrap(), 2).await;
        let back = history.0.iter().filter(|event| event["status"] == "queued").nth(1).unwrap();
        let after = back["at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap() - killed;
        // A lease of six seconds that is renewed each second, and a look every five.
        assert!(after > TimeDelta::seconds(1) && after < SLACK, "{after}: {history:#?}");
    }
    drop((api, right));
    cluster.remove().await;
}

/// Submits four builds and waits until all of them are being built at once.
async fn all_four_run(api: &Daemon, command: &str) -> Vec<String> {
    let mut builds = Vec::new();
    for _ in 0..4 {
        builds.push(submitted(api, &build(command)).await);
    }
    for id in &builds {
        api.until(id, &["building"]).await.unwrap();
    }
    builds
}

/// When it began to log, by its own clock.
fn first_line_at(daemon: &Daemon) -> DateTime<Utc> {
    let log = daemon.log();
    let first = log.split_whitespace().next().unwrap();
    first.parse().unwrap_or_else(|_| panic!("no time: {log}"))
}
