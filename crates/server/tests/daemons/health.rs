//! What a daemon says of itself while something is away.

use serde_json::json;
use slipway_test_support::daemon::Role;
use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};

use crate::cluster::{Cluster, build, check, get, submitted, until};

/// A cluster whose daemons reach the database over a wire.
async fn wired() -> (Cluster, Wire) {
    let mut cluster = Cluster::new().await;
    let address = env::database();
    let address = address.split("://").nth(1).unwrap().split('/').next().unwrap();
    let address = address.rsplit('@').next().unwrap().to_owned();
    let wire = Wire::to(End::Tcp(address.clone())).await.unwrap();
    cluster.database_url = cluster.database_url.replace(&address, &wire.address());
    (cluster, wire)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_up_later_is_waited_for() {
    let (cluster, wire) = wired().await;
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
    assert!(api.log().contains("waiting for the database"), "{}", api.log());

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
async fn without_a_broker_work_goes_on_by_polling() {
    let mut cluster = Cluster::new().await;
    cluster.broker_url = "amqp://u:hunter2@127.0.0.1:1".into();
    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started(Role::Worker, "worker").await;
    for daemon in [&api, &worker] {
        let (status, ready) = get(daemon, "/health/ready").await;
        assert_eq!((status, &ready["status"]), (200, &json!("degraded")), "{ready:#}");
        let (status, message) = check(&ready, "queue");
        assert_eq!(status, "degraded");
        assert!(!message.is_empty() && !message.contains("hunter2"), "{message}");
    }
    let id = submitted(&api, &build("true")).await;
    assert_eq!(api.end(&id).await.unwrap()["status"], "succeeded");
    drop((api, worker));
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
