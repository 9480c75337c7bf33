//! How the service says it is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use slipway_api::{Hosts, Limits};
use slipway_domain::HostName;
use slipway_store::hosts::Probe;

use crate::server::{Server, answer};
use crate::worker::{a_host, report, report_at};

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
    let server = Server::start().await;
    let an_hour_ago = slipway_domain::now() - chrono::TimeDelta::hours(1);
    report_at(&server, &a_host("silent"), an_hour_ago).await;
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

async fn set(server: &Server, host: &str, verb: &str) {
    let post = server.request(Method::POST, &format!("/api/v2/hosts/{host}/{verb}"));
    assert_eq!(answer(post).await.status, 200);
}

/// How it is in all, whether it is ready, and what is said of the hosts, a line each.
async fn of_hosts(server: &Server) -> String {
    let ready = server.get("/health/ready").await.status;
    assert_eq!(server.get("/health/live").await.status, 200);
    let health = server.get("/health").await.json();
    let checks = health["checks"].as_array().unwrap().iter();
    let hosts = checks.filter(|check| check["name"].as_str().unwrap().starts_with("host"));
    let told = hosts.map(|check| {
        let said = check["message"].as_str().unwrap_or("-");
        format!("  {} {}: {said}\n", check["name"].as_str().unwrap(), check["status"])
    });
    let told: String = told.collect();
    format!("{} {ready}\n{told}", health["status"])
}

#[tokio::test]
async fn that_no_host_takes_builds_is_said_and_what_ends_it() {
    let server = Server::start().await;
    let broken = |name| Probe { problem: Some("connection refused".into()), ..a_host(name) };
    report(&server, &a_host("a")).await;
    let mut told = vec![of_hosts(&server).await];
    set(&server, "a", "drain").await;
    told.push(of_hosts(&server).await);
    // One that takes builds is enough.
    report(&server, &a_host("b")).await;
    told.push(of_hosts(&server).await);
    set(&server, "b", "drain").await;
    told.push(of_hosts(&server).await);
    // One that is drained may be away.
    report(&server, &broken("b")).await;
    told.push(of_hosts(&server).await);
    set(&server, "b", "undrain").await;
    told.push(of_hosts(&server).await);
    set(&server, "a", "undrain").await;
    report(&server, &broken("a")).await;
    told.push(of_hosts(&server).await);
    insta::assert_snapshot!(told.join(""), @r#"
    "healthy" 200
      host a "healthy": -
    "degraded" 200
      host a "healthy": -
      hosts "degraded": the only host is drained: nothing will be built until it is undrained (POST /api/v2/hosts/{name}/undrain)
    "healthy" 200
      host a "healthy": -
      host b "healthy": -
    "degraded" 200
      host a "healthy": -
      host b "healthy": -
      hosts "degraded": all 2 hosts are drained: nothing will be built until one is undrained (POST /api/v2/hosts/{name}/undrain)
    "degraded" 200
      host a "healthy": -
      host b "healthy": -
      hosts "degraded": all 2 hosts are drained: nothing will be built until one is undrained (POST /api/v2/hosts/{name}/undrain)
    "degraded" 200
      host a "healthy": -
      host b "degraded": connection refused
      hosts "degraded": no host takes builds, 1 of 2 being drained and the rest unusable: nothing will be built until one is mended or undrained (POST /api/v2/hosts/{name}/undrain)
    "degraded" 200
      host a "degraded": connection refused
      host b "degraded": connection refused
      hosts "degraded": none of 2 hosts can be used: nothing will be built until one can
    "#);
}

#[tokio::test]
async fn a_worker_whose_hosts_are_drained_is_ready() {
    let names: BTreeSet<HostName> = ["a", "b"].map(|name| HostName::parse(name).unwrap()).into();
    let usable = Arc::new(Mutex::new(names.clone()));
    let asked = Arc::clone(&usable);
    let own = Hosts::Own { names, usable: Arc::new(move || asked.lock().unwrap().clone()) };
    let server = Server::with(Limits::default(), own).await;
    for name in ["a", "b"] {
        report(&server, &a_host(name)).await;
    }
    let mut told = vec![of_hosts(&server).await];
    set(&server, "a", "drain").await;
    told.push(of_hosts(&server).await);
    set(&server, "b", "drain").await;
    told.push(of_hosts(&server).await);
    // Their machines are taken away: that is what they were drained for.
    usable.lock().unwrap().clear();
    told.push(of_hosts(&server).await);
    set(&server, "b", "undrain").await;
    told.push(of_hosts(&server).await);
    set(&server, "a", "undrain").await;
    told.push(of_hosts(&server).await);
    insta::assert_snapshot!(told.join(""), @r#"
    "healthy" 200
      host a "healthy": -
      host b "healthy": -
    "healthy" 200
      host a "healthy": -
      host b "healthy": -
    "degraded" 200
      host a "healthy": -
      host b "healthy": -
      hosts "degraded": all 2 hosts are drained: nothing will be built until one is undrained (POST /api/v2/hosts/{name}/undrain)
    "degraded" 200
      host a "healthy": -
      host b "healthy": -
      hosts "degraded": all 2 hosts are drained: nothing will be built until one is undrained (POST /api/v2/hosts/{name}/undrain)
    "unavailable" 503
      host a "healthy": -
      host b "unavailable": cannot be used
      hosts "unavailable": no host takes builds, 1 of 2 being drained and the rest unusable: nothing will be built until one is mended or undrained (POST /api/v2/hosts/{name}/undrain)
    "unavailable" 503
      host a "unavailable": cannot be used
      host b "unavailable": cannot be used
      hosts "unavailable": none of 2 hosts can be used: nothing will be built until one can
    "#);
}
