//! A database that dies, hangs up or is slow under running daemons.

use std::time::Duration;

use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::killable::{Killable, Kind};
use tokio::time::sleep;

use crate::cluster::{Cluster, build, check, submitted, until};
use crate::history::History;

/// A lease that lasts longer than the database is away.
const LONG_LEASE: [(&str, &str); 1] = [("SLIPWAY__WORKER__LEASE_SECONDS", "60")];

/// Submits so many builds and waits until they are being built.
async fn building(api: &Daemon, count: usize, command: &str) -> Vec<String> {
    let mut builds = Vec::new();
    for _ in 0..count {
        builds.push(submitted(api, &build(command)).await);
    }
    for id in &builds {
        api.until(id, &["building"]).await.unwrap();
    }
    builds
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_again_within_a_lease() {
    let server = Killable::start(Kind::Postgres).await.unwrap();
    let cluster = Cluster::on(&server.address().unwrap()).await;
    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started_with(Role::Worker, "worker", &LONG_LEASE).await;
    let mut builds = building(&api, 3, "sleep 8").await;

    server.kill().await.unwrap();
    let answer = api.submit(&build("true")).await.unwrap();
    assert_eq!(answer["error"]["code"], "unavailable", "{answer:#}");
    for daemon in [&api, &worker] {
        let ready = until(daemon, "/health/ready", |status, _| status == 503).await;
        assert_eq!(check(&ready, "database").0, "unavailable", "{ready:#}");
    }
    // Their commands have ended by now, and nobody could write it down.
    server.start_again().await.unwrap();
    for daemon in [&api, &worker] {
        until(daemon, "/health/ready", |status, _| status == 200).await;
    }
    builds.push(submitted(&api, &build("true")).await);
    for id in &builds {
        History::of_success(&api, id, 1).await;
    }
    drop((api, worker));
    cluster.remove().await;
}

/// As while its password is changed.
#[tokio::test(flavor = "multi_thread")]
async fn it_lets_nobody_in_for_a_while() {
    let cluster = Cluster::new().await;
    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started_with(Role::Worker, "worker", &LONG_LEASE).await;
    let builds = building(&api, 2, "sleep 5").await;
    cluster.database.let_in(false).await.unwrap();
    cluster.database.disconnect_all().await.unwrap();
    let answer = api.submit(&build("true")).await.unwrap();
    assert_eq!(answer["error"]["code"], "unavailable", "{answer:#}");
    // Their commands have ended by then.
    sleep(Duration::from_secs(7)).await;
    cluster.database.let_in(true).await.unwrap();
    for id in &builds {
        History::of_success(&api, id, 1).await;
    }
    drop((api, worker));
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_connections_are_cut_again_and_again() {
    let cluster = Cluster::new().await;
    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started_with(Role::Worker, "worker", &LONG_LEASE).await;
    // Something to write all the time.
    let talks = "for i in $(seq 60); do echo line-$i; sleep 0.1; done";
    let builds = building(&api, 3, talks).await;
    let cutting = async {
        loop {
            cluster.database.disconnect_all().await.unwrap();
            sleep(Duration::from_millis(300)).await;
        }
    };
    let ending = async {
        for id in &builds {
            // Not by the API, whose connections are cut too.
            while !worker.log().lines().any(|line| line.contains("left this") && line.contains(id))
            {
                sleep(Duration::from_millis(100)).await;
            }
        }
    };
    tokio::select! {
        () = cutting => {}
        ended = tokio::time::timeout(Duration::from_secs(180), ending) => ended.unwrap(),
    }
    until(&api, "/health/ready", |status, _| status == 200).await;
    for id in &builds {
        History::of_success(&api, id, 1).await;
        let log = api.build_log(id).await.unwrap();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("line-")).collect();
        for number in 1..=60 {
            let times = lines.iter().filter(|line| line.ends_with(&format!("line-{number}")));
            assert_eq!(times.count(), 1, "line {number}: {log}");
        }
    }
    drop((api, worker));
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_second_for_each_answer() {
    let (cluster, wire) = Cluster::wired_to_database().await;
    let api = cluster.started(Role::Api, "api").await;
    // As it comes: a lease of 20 s, renewed every 5 s.
    let usual =
        [("SLIPWAY__WORKER__LEASE_SECONDS", "20"), ("SLIPWAY__WORKER__HEARTBEAT_SECONDS", "5")];
    let worker = cluster.started_with(Role::Worker, "worker", &usual).await;
    // They are at work already, and have told the server once what they will ask it.
    for id in building(&api, 2, "sleep 1").await {
        History::of_success(&api, &id, 1).await;
    }
    wire.slow(Duration::from_millis(500));
    let id = submitted(&api, &build("true")).await;
    assert_eq!(api.end(&id).await.unwrap()["status"], "succeeded");
    for daemon in [&api, &worker] {
        until(daemon, "/health/ready", |status, _| status == 200).await;
    }
    wire.mend();
    History::of_success(&api, &id, 1).await;
    assert!(!worker.log().contains("a lease ran out"), "{}", worker.log());
    drop((api, worker));
    cluster.remove().await;
}
