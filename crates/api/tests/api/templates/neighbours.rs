//! The paths that the service shares with others, and what it says of itself.

use reqwest::Method;
use serde_json::json;

use super::{PATH, build, masked};
use crate::server::{Server, answer};

#[tokio::test]
async fn both_owners_of_one_path() {
    let server = Server::start().await;
    let boatyard = json!({"image_name": "app", "dockerfile": "FROM scratch\n", "tag": "1"});
    let boatyard = server.post(PATH, boatyard.to_string()).await;
    let job = boatyard.json()["JobIdentifier"].as_str().unwrap().to_owned();
    let ours = build(&server, json!({})).await;
    // Each sees the other's, in its own words.
    let mut table = vec![
        server.get(&format!("/api/v1/{ours}/status")).await.line(),
        masked(&server.get(&format!("/api/v1/build/{job}/status")).await.text),
    ];
    table.push(masked(&server.get("/api/v1/builds").await.text));
    insta::assert_snapshot!(table.join("\n"), @r#"
    200 {"Status":"Building"}
    {"build_id":"[id]","completed_at":null,"image_name":"app:latest","logs":[],"message":"Build is waiting","started_at":"[time]","status":"pending"}
    {"builds":[{"build_id":"[id]","completed_at":null,"image_name":"my-app:latest","logs":[],"message":"Build is waiting; no registry is named, so the image will stay on the Docker host","started_at":"[time]","status":"pending"},{"build_id":"[id]","completed_at":null,"image_name":"app:latest","logs":[],"message":"Build is waiting","started_at":"[time]","status":"pending"}],"total":2}
    "#);
}

#[tokio::test]
async fn what_it_is_and_how_it_is() {
    let server = Server::start().await;
    let index = server.get("/api/v1").await;
    assert_eq!(index.status, 200);
    insta::assert_json_snapshot!(index.json(), {".version" => "[version]"}, @r#"
    {
      "description": "Builds Docker images from templates",
      "endpoints": {
        "GET /": "Information about the API",
        "GET /api/v1": "Information about the API",
        "GET /api/v1/build/{id}/status": "Status and log of a build",
        "GET /api/v1/builds": "All builds, newest first",
        "GET /health": "Health of the service",
        "POST /api/v1/build": "Start a build from a template or a repository"
      },
      "name": "Docker Image Builder API",
      "supported_model_versions": [
        "nodejs",
        "python-fastapi",
        "python-flask"
      ],
      "version": "[version]"
    }
    "#);
    let for_json = server.request(Method::GET, "/").header("Accept", "application/json, */*");
    assert_eq!(answer(for_json).await.json(), index.json());
    assert!(server.get("/").await.text.starts_with("This is Slipway"));
    crate::worker::report(&server, &crate::worker::a_host("a")).await;
    let health = server.get("/health").await.json();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["service"], "docker-image-builder");
}
