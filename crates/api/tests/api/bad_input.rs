//! Requests that are refused, each with a reason its sender can act on.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::Limits;

use crate::server::{Server, a_build, answer};

#[tokio::test]
async fn bodies_that_are_no_request() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for body in [
        "",
        "{\"image\": \"app\",",
        "{\n  \"image\": app\n}",
        "[]",
        "\u{0}\u{1}",
        r#"{"image": "app"}"#,
        r#"{"image": "app", "source": {"type": "dockerfile", "content": "F"}, "followers": []}"#,
        r#"{"image": 7, "source": {"type": "dockerfile", "content": "F"}}"#,
        r#"{"image": "app", "source": {"type": "dockerfile", "content": ["F"]}}"#,
        r#"{"image": "app", "source": {"type": "git", "url": "https://g.example/r"}}"#,
        r#"{"image": "app", "source": {"type": "upload", "id": "12"}}"#,
    ] {
        table.push(server.post("/api/v2/builds", body).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @"");
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn names_that_are_no_image() {
    let server = Server::start().await;
    let mut table = Vec::new();
    let long = "a".repeat(300);
    let digest = format!("r.example/app@sha256:{}", "0".repeat(64));
    for image in
        ["", "r.example/App", "r.example/../app", &long, "http://r.example/app", "app:my tag", &digest]
    {
        let refused = server.submit(json!({"image": image})).await;
        let error = refused.json()["error"].clone();
        table.push(format!("{} {}: {}", refused.status, error["field"], error["message"]));
    }
    insta::assert_snapshot!(table.join("\n"), @"");
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn values_that_do_not_fit() {
    let server = Server::start().await;
    let mut table = Vec::new();
    let many: Value = (0..501).map(|n| (format!("A{n}"), "x".into())).collect();
    let login = json!({"username": "u", "password": "hunter2"});
    for changes in [
        json!({"source": {"type": "dockerfile", "content": " \n"}}),
        json!({"source": {"type": "dockerfile", "content": "x".repeat(1_100_000)}}),
        json!({"source": {"type": "upload", "id": "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}),
        json!({"dockerfile": "../Dockerfile"}),
        json!({"args": many}),
        json!({"args": {"A": 1}}),
        json!({"labels": {"": "x"}}),
        json!({"target": "a b"}),
        json!({"platform": "linux"}),
        json!({"project": "-"}),
        json!({"timeout_seconds": 0}),
        json!({"timeout_seconds": "60"}),
        json!({"metadata": "x".repeat(70_000)}),
        json!({"registry_auth": {"https://u:hunter2@r.example": login.clone()}}),
        json!({"registry_auth": {"docker.io": login.clone(), "index.docker.io": login}}),
        json!({"registry_auth": {"r.example": "hunter2"}}),
    ] {
        table.push(server.submit(changes).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @"");
    assert!(!table.join("\n").contains("hunter2"));
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn bodies_that_are_too_large_or_packed() {
    let limits = Limits { body_bytes: 1000, ..Limits::default() };
    let server = Server::with_limits(limits).await;
    let large = a_build(json!({"metadata": "x".repeat(2000)})).to_string();
    let announced = server.post("/api/v2/builds", large.clone()).await;
    insta::assert_snapshot!(announced.line(), @"");

    // Chunked: the size is only known on the way.
    let chunked = reqwest::Body::wrap_stream(futures::stream::iter(
        large.into_bytes().chunks(100).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
    ));
    assert_eq!(server.post("/api/v2/builds", chunked).await.status, 413);

    let packed = server.request(Method::POST, "/api/v2/builds").header("Content-Encoding", "gzip");
    insta::assert_snapshot!(answer(packed.body("…")).await.line(), @"");
    accepted_nothing(&server).await;
}

#[tokio::test]
async fn a_body_that_is_cut_off() {
    let server = Server::start().await;
    let head = "POST /api/v2/builds HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n";
    let answered = server.raw(format!("{head}{{\"image\": \"app\"").as_bytes()).await;
    assert!(answered.is_empty() || answered.starts_with("HTTP/1.1 400"), "{answered}");
    accepted_nothing(&server).await;
}

async fn accepted_nothing(server: &Server) {
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));
}
