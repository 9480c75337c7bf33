//! What a daemon says of itself while something is away.

use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::port::Port;

use crate::cluster::{Cluster, build, check, get, submitted, until};
use crate::frozen;

/// Waits until a daemon's log says so.
async fn until_said(daemon: &Daemon, words: &str) {
    frozen::until(words, || daemon.log().contains(words)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_up_later_is_waited_for() {
    let (cluster, wire) = Cluster::wired_to_database().await;
    wire.cut();
    let (mut api, mut worker) =
        (cluster.daemon(Role::Api, "api"), cluster.daemon(Role::Worker, "worker"));
    for daemon in [&mut api, &mut worker] {
        daemon.spawn().unwrap();
        until(daemon, "/health/live", |status, _| status == 200).await;
        let (status, ready) = get(daemon, "/health/ready").await;
        assert_eq!((status, check(&ready, "database")), (503, ("unavailable", "does not answer")));
        assert_eq!(check(&ready, "blobs").0, "healthy");
    }
    let (_, ready) = get(&api, "/health/ready").await;
    assert_eq!(check(&ready, "process"), ("unavailable", "is starting"));
    let answer = api.submit(&build("true")).await.unwrap();
    assert_eq!(answer["error"]["code"], "unavailable", "{answer:#}");
    // It has tried for five seconds by then.
    until_said(&api, "waiting for the database").await;

    wire.mend();
    for daemon in [&api, &worker] {
        until(daemon, "/health/ready", |status, _| status == 200).await;
    }
    let id = submitted(&api, &build("true")).await;
    assert_eq!(api.end(&id).await.unwrap()["status"], "succeeded");

    // Away once more, under running daemons.
    wire.cut();
    for daemon in [&api, &worker] {
        let ready = until(daemon, "/health/ready", |status, _| status == 503).await;
        assert_eq!(check(&ready, "database").0, "unavailable", "{ready:#}");
        assert_eq!(get(daemon, "/health/live").await.0, 200);
    }
    wire.mend();
    for daemon in [&api, &worker] {
        until(daemon, "/health/ready", |status, _| status == 200).await;
    }
    drop((api, worker));
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_where_nothing_listens() {
    let mut cluster = Cluster::empty().await;
    let nobody = Port::keep().unwrap();
    let place = nobody.address();
    cluster.database_url = format!("postgres://slipway:hunter2@{place}/x");
    let refused = format!("{place}, which database.url names, refuses connections");
    for (role, name) in [(Role::Api, "api"), (Role::Worker, "worker")] {
        let mut daemon = cluster.daemon(role, name);
        daemon.spawn().unwrap();
        until(&daemon, "/health/live", |status, _| status == 200).await;
        let (_, ready) = get(&daemon, "/health/ready").await;
        let said = ("unavailable", "refuses connections: see database.url");
        assert_eq!(check(&ready, "database"), said);
        // The pool has tried for five seconds by then, too.
        until_said(&daemon, "waiting for the database").await;
        let log = daemon.log();
        let waiting = log.lines().find(|line| line.contains("waiting for the database")).unwrap();
        assert!(waiting.contains(&refused), "{log}");
        assert!(!log.contains("hunter2"), "{log}");
    }
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_a_host_is_not_ready_and_an_api_is() {
    let mut cluster = Cluster::new().await;
    cluster.engine = "unix:///nowhere/docker.sock".into();
    let api = cluster.started(Role::Api, "api").await;
    let mut worker = cluster.daemon(Role::Worker, "worker");
    worker.spawn().unwrap();
    let no_host = |status: u16, ready: &serde_json::Value| {
        status == 503
            && ready["checks"][3]["message"].as_str().is_some_and(|m| m != "cannot be used")
    };
    let ready = until(&worker, "/health/ready", no_host).await;
    let (status, message) = check(&ready, "host a");
    assert_eq!(status, "unavailable", "{ready:#}");
    assert!(!message.is_empty(), "{ready:#}");
    let ready =
        until(&api, "/health/ready", |_, ready| ready["checks"][3]["name"] == "host a").await;
    assert_eq!(check(&ready, "host a").0, "degraded", "{ready:#}");
    drop((api, worker));
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_serves_its_health_and_nothing_else() {
    let cluster = Cluster::new().await;
    let worker = cluster.started(Role::Worker, "worker").await;
    let (status, ready) = get(&worker, "/health/ready").await;
    assert_eq!((status, check(&ready, "host a")), (200, ("healthy", "")), "{ready:#}");
    for path in ["/", "/docs", "/api/v2/builds", "/openapi.json"] {
        assert_eq!(get(&worker, path).await.0, 404, "{path}");
    }
    drop(worker);
    cluster.remove().await;
}
