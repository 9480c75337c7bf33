//! Builds that are accepted.

use std::collections::BTreeSet;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_store::outbox;

use crate::server::{Answer, Server, a_build, answer};
use crate::worker::Worker;

#[tokio::test]
async fn a_build_is_written_down_and_rung_for() {
    let server = Server::start().await;
    let accepted = server.submit(json!({"metadata": {"commit": "4f2a9c1"}})).await;
    assert_eq!(accepted.status, 202);
    let location = accepted.header("location");
    assert_eq!(location, accepted.json()["links"]["self"]);
    insta::assert_json_snapshot!(accepted.json(), {
        ".id" => "[id]", ".timings.created_at" => "[time]",
        ".links.self" => "[path]", ".links.logs" => "[path]", ".links.events" => "[path]",
    }, @r#"
    {
      "attempt": 0,
      "cancel_requested": false,
      "digest": null,
      "failure": null,
      "host": null,
      "id": "[id]",
      "image": "registry.example/team/app:1.2",
      "last_seq": 1,
      "links": {
        "events": "[path]",
        "logs": "[path]",
        "self": "[path]"
      },
      "metadata": {
        "commit": "4f2a9c1"
      },
      "priority": 0,
      "project": "default",
      "retry_of": null,
      "source": {
        "bytes": 13,
        "files": 0,
        "type": "dockerfile"
      },
      "status": "queued",
      "supersede_key": null,
      "superseded_by": null,
      "timings": {
        "building_at": null,
        "building_ms": null,
        "created_at": "[time]",
        "finished_at": null,
        "preparing_at": null,
        "preparing_ms": null,
        "purging_at": null,
        "purging_ms": null,
        "pushing_at": null,
        "pushing_ms": null,
        "queued_ms": null,
        "total_ms": null
      }
    }
    "#);

    let shown = server.get(&location).await.json();
    insta::assert_json_snapshot!(shown["waiting"], {".since" => "[time]"}, @r#"
    {
      "position": 0,
      "reason": "no worker has reported a Docker host",
      "since": "[time]"
    }
    "#);
    assert_eq!(outbox::due(&server.api.store, 10).await.unwrap().len(), 1);

    // The next one stands behind it.
    let second = server.submitted(json!({})).await;
    assert_eq!(server.get(&second).await.json()["waiting"]["position"], 1);
}

#[tokio::test]
async fn every_field_reaches_the_worker() {
    let server = Server::start().await;
    server
        .submitted(json!({
            "image": "app",
            "source": {"type": "dockerfile", "content": "FROM base AS one\n"},
            "dockerfile": "./docker/Dockerfile",
            "args": {"A": "1"},
            "labels": {"l": "2"},
            "target": "one",
            "platform": "linux/amd64",
            "no_cache": true,
            "pull": true,
            "push": false,
            "registry_auth": {"https://index.docker.io/v1/": {"username": "u", "password": "p"}},
            "project": "team/app",
            "metadata": [1, null],
            "timeout_seconds": 60,
            "priority": 7,
            "queue_timeout_seconds": 600,
            "supersede_key": "app/main",
        }))
        .await;
    let claimed = Worker::start(&server).await.claim().await;
    insta::assert_json_snapshot!(claimed.spec, @r#"
    {
      "image": "app:latest",
      "source": {
        "type": "dockerfile",
        "content": "FROM base AS one\n"
      },
      "dockerfile": "docker/Dockerfile",
      "args": {
        "A": "1"
      },
      "labels": {
        "l": "2"
      },
      "target": "one",
      "platform": "linux/amd64",
      "no_cache": true,
      "pull": true,
      "push": false,
      "project": "team/app",
      "metadata": [
        1,
        null
      ],
      "timeout_seconds": 60,
      "priority": 7,
      "queue_timeout_seconds": 600,
      "supersede_key": "app/main",
      "also": [],
      "args_in_every_stage": false,
      "log_opening": [],
      "secret_names": [
        "registry_auth.docker.io"
      ]
    }
    "#);
    let logins: Vec<_> = claimed
        .secrets
        .registry_auth
        .iter()
        .map(|(registry, login)| {
            (registry.as_str(), login.username.as_str(), login.password.expose())
        })
        .collect();
    assert_eq!(logins, [("docker.io", "u", "p")]);
}

#[tokio::test]
async fn fifty_at_once() {
    let server = Server::start().await;
    let answers = join_all((0..50).map(|_| server.submit(json!({})))).await;
    let ids: BTreeSet<String> = answers.iter().map(id).collect();
    assert!(answers.iter().all(|answer| answer.status == 202));
    assert_eq!(ids.len(), 50);
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"].as_array().unwrap().len(), 50);
    assert_eq!(outbox::due(&server.api.store, 100).await.unwrap().len(), 50);
}

#[tokio::test]
async fn one_key_fifty_times_at_once_is_one_build() {
    let server = Server::start().await;
    let answers = join_all((0..50).map(|_| with_key(&server, "deploy-17", json!({})))).await;
    let ids: BTreeSet<String> = answers.iter().map(id).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| answer.status == 202));
    let replayed = answers.iter().filter(|a| a.header("idempotency-replayed") == "true").count();
    assert_eq!(replayed, 49);
    assert!(answers.iter().all(|a| a.header("location").ends_with(ids.first().unwrap())));
    assert_eq!(outbox::due(&server.api.store, 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_project() {
    let server = Server::start().await;
    let login =
        |password: &str| json!({"registry_auth": {"r": {"username": "u", "password": password}}});
    let first = with_key(&server, "k", login("one")).await;
    assert_eq!(first.status, 202);

    let other = with_key(&server, "k", json!({"image": "r.example/other"})).await;
    insta::assert_snapshot!(other.line(), @r#"409 {"error":{"code":"idempotency_key_taken","message":"this Idempotency-Key came with another request before","field":"Idempotency-Key","hint":"take a new key for a new request"}}"#);
    // The logins are a part of the request, though nobody can see that they differ.
    assert_eq!(with_key(&server, "k", login("two")).await.status, 409);

    // The same in another order of fields and with the defaults spelled out.
    let respelled = format!(
        r#"{{"push": true, "project": "default", "args": {{}},
            "registry_auth": {{"https://R/": {{"password": "one", "username": "u"}}}},
            "source": {{"content": "FROM scratch\n", "type": "dockerfile"}},
            "image": "{}"}}"#,
        "registry.example/team/app:1.2"
    );
    let request = server.request(Method::POST, "/api/v2/builds").header("Idempotency-Key", "k");
    assert_eq!(id(&answer(request.body(respelled)).await), id(&first));

    let mut elsewhere = login("one");
    elsewhere["project"] = json!("another");
    let elsewhere = with_key(&server, "k", elsewhere).await;
    assert_eq!(elsewhere.status, 202);
    assert_ne!(id(&elsewhere), id(&first));

    let mut refused = Vec::new();
    for key in ["", "with space", &"k".repeat(256)] {
        refused.push(with_key(&server, key, json!({})).await.line());
    }
    refused.dedup();
    insta::assert_snapshot!(refused.join("\n"), @r#"400 {"error":{"code":"invalid_field","message":"must be 1 to 255 visible ASCII characters, without spaces","field":"Idempotency-Key"}}"#);
}

#[tokio::test]
async fn the_body_counts_and_not_its_type() {
    let server = Server::start().await;
    for kind in ["application/x-www-form-urlencoded", "text/plain", "application/json; v=1", "?"] {
        let request = server.request(Method::POST, "/api/v2/builds").header("Content-Type", kind);
        let accepted = answer(request.body(a_build(json!({})).to_string())).await;
        assert_eq!(accepted.status, 202, "{kind}: {accepted:?}");
    }
}

async fn with_key(server: &Server, key: &str, changes: Value) -> Answer {
    let request = server.request(Method::POST, "/api/v2/builds").header("Idempotency-Key", key);
    answer(request.body(a_build(changes).to_string())).await
}

fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}
