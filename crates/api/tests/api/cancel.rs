//! Builds that are to stop.

use serde_json::json;
use slipway_domain::Stage;
use slipway_queue::News;
use slipway_store::builds::{self, Ending};

use crate::server::Server;
use crate::worker::Worker;

#[tokio::test]
async fn one_that_waits_is_over_at_once() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let cancelled = server.post(&format!("{build}/cancel"), "").await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (202, &json!("cancelled")));

    let again = server.post(&format!("{build}/cancel"), "").await;
    insta::assert_snapshot!(again.line(), @r#"409 {"error":{"code":"already_over","message":"the build is over: cancelled"}}"#);
}

#[tokio::test]
async fn one_that_runs_is_asked_to_stop_until_it_is_too_late() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    let mut ear = server.api.queue.listen();
    for _ in 0..2 {
        let asked = server.post(&format!("{build}/cancel"), "").await;
        assert_eq!(asked.status, 202);
        assert_eq!(asked.json()["cancel_requested"], true);
        assert_eq!(asked.json()["status"], "preparing");
        assert_eq!(ear.next().await, News::CancelAsked(lease.build()));
    }
    let store = &server.api.store;
    let expires_at = slipway_domain::now() + chrono::Duration::seconds(60);
    assert!(builds::renew(store, &lease, expires_at).await.unwrap().cancel_requested);

    for stage in [Stage::Building, Stage::Pushing, Stage::Purging] {
        worker.advance(&lease, stage).await;
    }
    let late = server.post(&format!("{build}/cancel"), "").await;
    insta::assert_snapshot!(late.line(), @r#"409 {"error":{"code":"too_late","message":"it is too late to stop the build: only its host is being cleaned up"}}"#);

    worker.finish(&lease, Ending::Succeeded).await;
    let over = server.post(&format!("{build}/cancel"), "").await;
    insta::assert_snapshot!(over.line(), @r#"409 {"error":{"code":"already_over","message":"the build is over: succeeded"}}"#);
}

#[tokio::test]
async fn one_that_does_not_exist() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for id in ["0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071", "12"] {
        table.push(server.post(&format!("/api/v2/builds/{id}/cancel"), "").await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    404 {"error":{"code":"no_such_build","message":"there is no build 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}
    400 {"error":{"code":"invalid_field","message":"is not an id","field":"id","hint":"ids are UUIDs, such as 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}
    "#);
}
