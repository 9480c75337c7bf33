//! Lists, page by page.

use serde_json::{Value, json};
use slipway_domain::{BuildId, BuildSpecDraft, Secrets, Source, now};
use slipway_store::builds::{self, Submission};

use crate::server::Server;
use crate::worker::Worker;

#[tokio::test]
async fn builds_of_one_moment_are_all_listed_once() {
    let server = Server::start().await;
    // Seven in the same microsecond: time alone would lose some between two pages.
    let moment = now();
    for n in 0..7 {
        let source = Source::dockerfile("FROM scratch");
        let spec = BuildSpecDraft::new(format!("app:{n}"), source).parse().unwrap();
        let secrets = Secrets::default();
        let submission = Submission::new(BuildId::generate(), &spec, &secrets);
        builds::submit(&server.api.store, &submission, moment).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/v2/builds?limit=3&cursor={cursor}")).await.json();
        let images = images(&page);
        pages.push(images.len());
        seen.extend(images);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(pages, [3, 3, 1]);
    assert_eq!(seen, ["app:6", "app:5", "app:4", "app:3", "app:2", "app:1", "app:0"]);
}

#[tokio::test]
async fn filters() {
    let server = Server::start().await;
    for (image, project) in [
        ("r.example/app:1", "one"),
        ("r.example/app:latest", "one"),
        ("r.example/other:1", "two"),
        ("library/hub", "two"),
    ] {
        server.submitted(json!({"image": image, "project": project})).await;
    }
    Worker::start(&server).await.fail().await;

    let mut table = Vec::new();
    for query in [
        "",
        "project=one",
        "status=failed",
        "status=queued&project=one",
        "image=r.example/app",
        "image=r.example/app:1",
        "image=r.example/app:latest",
        "image=docker.io/hub",
        "image=r.example/none",
        "limit=1",
        "project=&status=",
    ] {
        let page = server.get(&format!("/api/v2/builds?{query}")).await.json();
        table.push(format!("{query}: {}", images(&page).join(" ")));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    : hub:latest r.example/other:1 r.example/app:latest r.example/app:1
    project=one: r.example/app:latest r.example/app:1
    status=failed: r.example/app:1
    status=queued&project=one: r.example/app:latest
    image=r.example/app: r.example/app:latest r.example/app:1
    image=r.example/app:1: r.example/app:1
    image=r.example/app:latest: r.example/app:latest
    image=docker.io/hub: hub:latest
    image=r.example/none: 
    limit=1: hub:latest
    project=&status=: hub:latest r.example/other:1 r.example/app:latest r.example/app:1
    "#);
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for query in [
        "limit=0",
        "limit=201",
        "limit=ten",
        "state=queued",
        "status=done",
        "image=a/B",
        "project=-",
        "cursor=abc",
        "limit=1&limit=2",
    ] {
        table.push(server.get(&format!("/api/v2/builds?{query}")).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"invalid_field","message":"must be 1 to 200","field":"limit"}}
    400 {"error":{"code":"invalid_field","message":"must be 1 to 200","field":"limit"}}
    400 {"error":{"code":"invalid_field","message":"must be 1 to 200","field":"limit"}}
    400 {"error":{"code":"unknown_parameter","message":"there is no such parameter","field":"state","hint":"the parameters are project, status, image, cursor, limit"}}
    400 {"error":{"code":"invalid_field","message":"\"done\" is no build status; they are queued, preparing, building, pushing, purging, succeeded, failed, cancelled and timed_out","field":"status"}}
    400 {"error":{"code":"invalid_field","message":"has capitals in \"B\"; repositories are lower-case","field":"image"}}
    400 {"error":{"code":"invalid_field","message":"is not a project name","field":"project","hint":"use 1 to 128 of a-z, A-Z, 0-9, dot, underscore, slash and hyphen, beginning with a letter or digit"}}
    400 {"error":{"code":"invalid_field","message":"is not one of ours","field":"cursor","hint":"give next_cursor of the page before, as it is; leave it out for the first page"}}
    400 {"error":{"code":"invalid_field","message":"is there twice","field":"limit"}}
    "#);
}

fn images(page: &Value) -> Vec<String> {
    let builds = page["builds"].as_array().unwrap_or_else(|| panic!("{page}"));
    builds.iter().map(|build| build["image"].as_str().unwrap().to_owned()).collect()
}
