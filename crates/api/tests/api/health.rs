//! How the service says it is.

use std::time::Duration;

use slipway_api::{Hosts, Limits};
use slipway_store::hosts::Probe;

use crate::server::Server;
use crate::worker::{a_host, report};

#[tokio::test]
async fn without_hosts_builds_are_accepted_and_wait() {
    let server = Server::start().await;
    let health = server.get("/health").await;
    assert_eq!(health.status, 200);
    insta::assert_json_snapshot!(health.json(), {".version" => "[version]"}, @r#"
    {
      "checks": [
        {
          "name": "database",
          "status": "healthy"
        },
        {
          "name": "blobs",
          "status": "healthy"
        },
        {
          "name": "queue",
          "status": "healthy"
        },
        {
          "message": "no worker has reported a Docker host; builds wait",
          "name": "hosts",
          "status": "degraded"
        }
      ],
      "service": "docker-image-builder",
      "status": "degraded",
      "version": "[version]"
    }
    "#);
    assert_eq!(server.get("/health/ready").await.status, 200);

    report(&server, &a_host("one")).await;
    assert_eq!(server.get("/health").await.json()["status"], "healthy");
}

#[tokio::test]
async fn a_host_in_trouble_is_named() {
    let hosts = Hosts::Reported { silence: Duration::from_millis(300) };
    let server = Server::with(Limits::default(), hosts).await;
    report(&server, &a_host("silent")).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let broken = Probe { problem: Some("connection refused".into()), ..a_host("broken") };
    report(&server, &broken).await;

    let health = server.get("/health").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &"degraded".into()));
    let checks = health.json()["checks"].clone();
    assert_eq!(checks[3]["name"], "host broken");
    assert_eq!(checks[3]["message"], "connection refused");
    assert_eq!(checks[4]["name"], "host silent");
    let message = checks[4]["message"].as_str().unwrap();
    assert!(message.starts_with("no worker has reported it since 20"), "{message}");
}

#[tokio::test]
async fn a_store_that_is_away_is_named() {
    let server = Server::start().await;
    // Where the blobs' folder was there is a file now.
    let blobs = server.folder.path().join("blobs");
    std::fs::remove_dir(&blobs).unwrap();
    std::fs::write(&blobs, "").unwrap();
    server.api.store.close().await;

    let ready = server.get("/health/ready").await;
    assert_eq!(ready.status, 503);
    insta::assert_json_snapshot!(ready.json(), {".version" => "[version]"}, @r#"
    {
      "checks": [
        {
          "message": "does not answer",
          "name": "database",
          "status": "unavailable"
        },
        {
          "message": "fails; the server's log says why",
          "name": "blobs",
          "status": "unavailable"
        },
        {
          "name": "queue",
          "status": "healthy"
        }
      ],
      "service": "docker-image-builder",
      "status": "unavailable",
      "version": "[version]"
    }
    "#);
    // It is no reason to kill the process.
    assert_eq!(server.get("/health/live").await.status, 200);

    let build = server.submit(serde_json::json!({})).await;
    assert_eq!(build.header("retry-after"), "5");
    insta::assert_snapshot!(build.line(), @r#"503 {"error":{"code":"unavailable","message":"the server's store does not answer","hint":"send it again in a few seconds"}}"#);
    let list = server.get("/api/v2/builds").await;
    assert_eq!(list.status, 503);
}

#[tokio::test]
async fn many_probes_at_once() {
    let server = Server::start().await;
    let probes = futures::future::join_all((0..20).map(|_| server.get("/health/ready"))).await;
    assert!(probes.iter().all(|probe| probe.status == 200), "{probes:?}");
    assert!(server.blobs_left(0).await.is_empty());
}
