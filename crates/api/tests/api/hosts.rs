//! The Docker hosts, and an operator's word on them.

use serde_json::json;
use slipway_store::hosts::Probe;

use crate::server::Server;
use crate::worker::{a_host, report};

#[tokio::test]
async fn a_host_is_drained_and_put_back() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/v2/hosts").await.text, r#"{"hosts":[]}"#);
    report(&server, &a_host("one")).await;
    let broken = Probe { problem: Some("connection refused".into()), ..a_host("two") };
    report(&server, &broken).await;
    let build = server.submitted(json!({})).await;

    let drained = server.post("/api/v2/hosts/one/drain", "").await;
    assert_eq!((drained.status, &drained.json()["drained"]), (200, &json!(true)));
    insta::assert_json_snapshot!(server.get("/api/v2/hosts").await.json(), {
        ".hosts[].probed_at" => "[time]",
    }, @r#"
    {
      "hosts": [
        {
          "builder": "buildkit",
          "drained": true,
          "name": "one",
          "platform": "linux/amd64",
          "probed_at": "[time]",
          "problem": null,
          "running": 0,
          "slots": 2
        },
        {
          "builder": "buildkit",
          "drained": false,
          "name": "two",
          "platform": "linux/amd64",
          "probed_at": "[time]",
          "problem": "connection refused",
          "running": 0,
          "slots": 2
        }
      ]
    }
    "#);
    let waiting = server.get(&build).await.json()["waiting"]["reason"].clone();
    assert_eq!(waiting, "no Docker host can be used: two: connection refused");

    let back = server.post("/api/v2/hosts/one/undrain", "").await;
    assert_eq!((back.status, &back.json()["drained"]), (200, &json!(false)));
    assert_eq!(server.get(&build).await.json()["waiting"]["reason"], "next in line");
}

#[tokio::test]
async fn a_host_that_there_is_not() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for path in ["/api/v2/hosts/none/drain", "/api/v2/hosts/a%20b/undrain"] {
        table.push(server.post(path, "").await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    404 {"error":{"code":"no_such_host","message":"there is no host none"}}
    400 {"error":{"code":"invalid_field","message":"\"a b\" is not a host name","field":"name","hint":"use 1 to 64 of a-z, A-Z, 0-9, dot, underscore and hyphen"}}
    "#);
}
