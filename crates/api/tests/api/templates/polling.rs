//! How a build stands, as clients ask for it, and lists of them.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::{Stage, StepStatus};
use slipway_store::builds::Ending;

use super::{build, masked, submit, with_registry};
use crate::server::{Server, answer};
use crate::worker::{Worker, a_failure, line, step};

#[tokio::test]
async fn a_client_that_polls_sees_a_build_through() {
    let server = Server::with_templates(&with_registry("r.example:5000/team")).await;
    let accepted = submit(&server, json!({})).await;
    let id = accepted.json()["build_id"].as_str().unwrap().to_owned();
    let started_at = accepted.json()["started_at"].as_str().unwrap().to_owned();
    assert!(chrono_like(&started_at), "{started_at}");
    assert_eq!(
        accepted.line(),
        format!(
            "200 {{\"build_id\":\"{id}\",\"status\":\"pending\",\"message\":\"Build started\",\
             \"image_name\":\"r.example:5000/team/my-app:latest\",\"started_at\":\"{started_at}\"}}"
        )
    );
    let seen = async || {
        let status = server.get(&format!("/api/v1/build/{id}/status")).await;
        assert_eq!(status.status, 200);
        masked(&status.text)
    };
    let mut table = vec![seen().await];
    let worker = Worker::start(&server).await;
    let claimed = worker.claim().await;
    assert!(claimed.spec.push);
    let lease = claimed.lease;
    worker.advance(&lease, Stage::Building).await;
    worker.say(&lease, &[step(StepStatus::Started), line("say \"hello\"\nand more\n")]).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Pushing).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Purging).await;
    worker.finish(&lease, Ending::Succeeded).await;
    table.push(seen().await);
    insta::assert_snapshot!(table.join("\n"), @r#"
    {"build_id":"[id]","completed_at":null,"image_name":"r.example:5000/team/my-app:latest","logs":[],"message":"Build is waiting","started_at":"[time]","status":"pending"}
    {"build_id":"[id]","completed_at":null,"image_name":"r.example:5000/team/my-app:latest","logs":["Step 1/1 : RUN make","say \"hello\"","and more"],"message":"Building the image","started_at":"[time]","status":"building"}
    {"build_id":"[id]","completed_at":null,"image_name":"r.example:5000/team/my-app:latest","logs":["Step 1/1 : RUN make","say \"hello\"","and more"],"message":"Pushing the image","started_at":"[time]","status":"building"}
    {"build_id":"[id]","completed_at":"[time]","image_name":"r.example:5000/team/my-app:latest","logs":["Step 1/1 : RUN make","say \"hello\"","and more"],"message":"Build completed; the image is pushed as sha256:6f1a5bd2c1b4a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d","started_at":"[time]","status":"success"}
    "#);
    let whole = server.get(&format!("/api/v1/build/{id}/status")).await;
    let order = [
        "{\"build_id\":",
        "\"status\":",
        "\"message\":",
        "\"image_name\":",
        "\"started_at\":",
        "\"completed_at\":",
        "\"logs\":[",
    ];
    let places: Vec<usize> = order.iter().map(|key| whole.text.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{}", whole.text);
    let head = answer(server.request(Method::HEAD, &format!("/api/v1/build/{id}/status"))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn builds_that_end_badly_and_images_that_stay() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let mut table = Vec::new();
    let seen = async |id: &str| {
        let status = server.get(&format!("/api/v1/build/{id}/status")).await.json();
        format!("{} {} {}", status["status"], status["image_name"], status["message"])
    };
    // Nobody named a registry.
    let id = build(&server, json!({})).await;
    table.push(seen(&id).await);
    let claimed = worker.claim().await;
    assert!(!claimed.spec.push);
    worker.advance(&claimed.lease, Stage::Building).await;
    table.push(seen(&id).await);
    worker.finish(&claimed.lease, Ending::Succeeded).await;
    table.push(seen(&id).await);

    let id = build(&server, json!({"name": "r.example/team/my-app", "tag": "2"})).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    worker.finish(&lease, Ending::Failed(a_failure())).await;
    table.push(seen(&id).await);

    let id = build(&server, json!({"name": "docker.io/me/my-app"})).await;
    let path = format!("/api/v2/builds/{id}/cancel");
    assert_eq!(answer(server.request(Method::POST, &path)).await.status, 202);
    table.push(seen(&id).await);
    insta::assert_snapshot!(table.join("\n"), @r#"
    "pending" "my-app:latest" "Build is waiting; no registry is named, so the image will stay on the Docker host"
    "building" "my-app:latest" "Building the image; no registry is named, so the image will stay on the Docker host"
    "success" "my-app:latest" "Build completed; the image is not pushed, it stays on the Docker host local"
    "failed" "r.example/team/my-app:2" "Build failed: make: exit code 2"
    "failed" "me/my-app:latest" "Build failed: cancelled"
    "#);
}

#[tokio::test]
async fn lists_newest_first() {
    let server = Server::start().await;
    let empty = server.get("/api/v1/builds").await;
    assert_eq!(empty.line(), r#"200 {"builds":[],"total":0}"#);
    for number in 0..5 {
        build(&server, json!({"tag": number.to_string()})).await;
    }
    let shown = async |query: &str| {
        let list = server.get(&format!("/api/v1/builds{query}")).await.json();
        let tags: Vec<String> = list["builds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|build| build["image_name"].as_str().unwrap().replace("my-app:", ""))
            .collect();
        format!("{} of {}", tags.join(" "), list["total"])
    };
    assert_eq!(shown("").await, "4 3 2 1 0 of 5");
    assert_eq!(shown("?limit=2").await, "4 3 of 5");
    assert_eq!(shown("?limit=2&offset=3&_=1700000000").await, "1 0 of 5");
    assert_eq!(shown("?offset=9").await, " of 5");
}

#[tokio::test]
async fn a_long_log_whole_and_in_a_list() {
    let server = Server::start().await;
    let id = build(&server, json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    let mut expected = Vec::new();
    for n in 0..300 {
        let text = format!("{n} \u{1b}[31m\"ü\\{}", "y".repeat(10_000));
        worker.say(&lease, &[line(&format!("{text}\n"))]).await;
        expected.push(Value::from(text));
    }
    let whole = server.get(&format!("/api/v1/build/{id}/status")).await.json();
    let logs = whole["logs"].as_array().unwrap();
    assert!(logs.ends_with(&expected), "{} lines", logs.len());
    let list = server.get("/api/v1/builds").await.json();
    let end = list["builds"][0]["logs"].as_array().unwrap();
    assert!(expected.ends_with(end) && !end.is_empty() && end.len() <= 100, "{}", end.len());
}

/// `2026-11-21T22:16:09.123456Z`
fn chrono_like(text: &str) -> bool {
    text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z')
}
