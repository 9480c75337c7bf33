//! boatyard's contract, with the requests that its clients send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::{Source, Stage, StepStatus};
use slipway_store::builds::Ending;

use crate::server::{Answer, Server, a_tar, answer};
use crate::worker::{Worker, a_failure, line, step};

/// As `curl -d '{…}'` sends it: JSON that calls itself a form.
async fn submit(server: &Server, body: impl ToString) -> Answer {
    let request = server
        .request(Method::POST, "/api/v1/build")
        .header("Content-Type", "application/x-www-form-urlencoded");
    answer(request.body(body.to_string())).await
}

async fn job(server: &Server, body: Value) -> String {
    let accepted = submit(server, body).await;
    assert_eq!(accepted.status, 200, "{accepted:?}");
    let id = accepted.json()["JobIdentifier"].as_str().unwrap().to_owned();
    assert_eq!(accepted.text, format!("{{\"JobIdentifier\":\"{id}\"}}"));
    assert_eq!(id.len(), 36);
    id
}

#[tokio::test]
async fn a_page_that_polls_sees_a_build_through() {
    let server = Server::start().await;
    let id = job(&server, json!({
        "image_name": "r.example/team/app", "username": "u", "password": "p",
        "email": "u@r.example", "dockerfile": "FROM scratch\n",
    }))
    .await;
    let seen = async || {
        let status = server.get(&format!("/api/v1/{id}/status")).await.text;
        let logs = server.get(&format!("/api/v1/{id}/logs")).await.text;
        format!("{status} {logs}")
    };
    let mut table = vec![seen().await];
    let worker = Worker::start(&server).await;
    let claimed = worker.claim().await;
    let login = claimed.secrets.registry_auth.iter().next().unwrap();
    assert_eq!((login.0.as_str(), login.1.password.expose()), ("r.example", "p"));
    let lease = claimed.lease;
    table.push(seen().await);
    worker.advance(&lease, Stage::Building).await;
    table.push(seen().await);
    worker.say(&lease, &[step(StepStatus::Started), line("say \"hello\"\n")]).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Pushing).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Purging).await;
    worker.finish(&lease, Ending::Succeeded).await;
    table.push(seen().await);
    insta::assert_snapshot!(table.join("\n"), @"");
}

#[tokio::test]
async fn builds_that_end_badly() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let mut table = Vec::new();
    for ending in
        [Ending::Failed(a_failure()), Ending::TimedOut(a_failure()), Ending::Cancelled]
    {
        let id = job(&server, json!({"image_name": "app", "dockerfile": "FROM scratch"})).await;
        let lease = worker.claim().await.lease;
        worker.finish(&lease, ending).await;
        table.push(server.get(&format!("/api/v1/{id}/status")).await.line());
        table.push(server.get(&format!("/api/v1/{id}/logs")).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @"");
}

#[tokio::test]
async fn keys_in_any_case_and_unknown_ones() {
    let server = Server::start().await;
    job(&server, json!({
        "IMAGE_NAME": "app:1", "DockerFile": "FROM scratch", "UserName": "u", "PASSWORD": "p",
        "Tag": ["of", {"no": "meaning"}], "email": null, "tar_url": "", "github_tag": null,
    }))
    .await;
    let claimed = Worker::start(&server).await.claim().await;
    assert_eq!(claimed.spec.image.to_string(), "app:1");
    let registries: Vec<_> = claimed.secrets.registry_auth.keys().map(ToString::to_string).collect();
    assert_eq!(registries, ["docker.io"]);
}

#[tokio::test]
async fn an_archive_in_base64() {
    let server = Server::start().await;
    let encoded = STANDARD.encode(a_tar());
    // As base64(1) prints it, and without its padding.
    let lines: Vec<_> = encoded.as_bytes().chunks(76).map(|l| String::from_utf8_lossy(l)).collect();
    for text in [encoded.clone(), lines.join("\n"), encoded.trim_end_matches('=').to_owned()] {
        job(&server, json!({"image_name": "app", "TarFile": text})).await;
        let worker = Worker::start(&server).await;
        let claimed = worker.claim().await;
        let Source::Upload { id } = claimed.spec.source else { panic!("{:?}", claimed.spec) };
        let blob = server.folder.path().join("blobs").join(id.to_string());
        assert_eq!(std::fs::read(blob).unwrap(), a_tar());
        worker.finish(&claimed.lease, Ending::Cancelled).await;
    }
}

#[tokio::test]
async fn the_first_source_wins() {
    let server = Server::start().await;
    let every = json!({
        "image_name": "app", "dockerfile": "FROM scratch", "TarFile": STANDARD.encode(a_tar()),
        "tar_url": "https://x.example/t.tar", "github_username": "u", "github_reponame": "r",
        "github_tag": "v1",
    });
    let without = |names: &[&str]| {
        let mut body = every.clone();
        names.iter().for_each(|name| drop(body.as_object_mut().unwrap().remove(*name)));
        body
    };
    let worker = Worker::start(&server).await;
    job(&server, every.clone()).await;
    let claimed = worker.claim().await;
    assert!(matches!(claimed.spec.source, Source::Dockerfile { .. }));
    worker.finish(&claimed.lease, Ending::Cancelled).await;
    job(&server, without(&["dockerfile"])).await;
    assert!(matches!(worker.claim().await.spec.source, Source::Upload { .. }));

    let mut table = Vec::new();
    for absent in [
        vec!["dockerfile", "TarFile"],
        vec!["dockerfile", "TarFile", "tar_url"],
        vec!["dockerfile", "TarFile", "tar_url", "github_reponame"],
        vec!["dockerfile", "TarFile", "tar_url", "github_username", "github_tag"],
        vec!["dockerfile", "TarFile", "tar_url", "github_username", "github_tag", "github_reponame"],
        vec!["image_name"],
    ] {
        table.push(submit(&server, without(&absent)).await.line());
    }
    table.push(submit(&server, json!({"image_name": "app", "tarUrl": "https://x"})).await.line());
    insta::assert_snapshot!(table.join("\n"), @"");
}

#[tokio::test]
async fn what_is_refused() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for body in [
        "",
        "{",
        "[]",
        "image_name=app&dockerfile=FROM+scratch",
        r#"{"image_name": "r.example/App", "dockerfile": "FROM scratch"}"#,
        r#"{"image_name": "http://r.example/app", "dockerfile": "FROM scratch"}"#,
        r#"{"image_name": ["app"], "dockerfile": "FROM scratch"}"#,
        r#"{"image_name": "app", "dockerfile": 5}"#,
        r#"{"image_name": "app", "dockerfile": "  "}"#,
        r#"{"image_name": "app", "TarFile": "!!!"}"#,
        r#"{"image_name": "app", "TarFile": "RlJPTSBzY3JhdGNoCg=="}"#,
        r#"{"image_name": "app", "TarFile": "QlpoOTFBWSZTWQ=="}"#,
    ] {
        table.push(submit(&server, body).await.line());
    }
    for path in ["/api/v1/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/status", "/api/v1/x/logs"] {
        table.push(server.get(path).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @"");
    assert!(server.blobs_left(0).await.is_empty());
}

#[tokio::test]
async fn our_own_fault_says_no_more_than_that() {
    let server = Server::start().await;
    let id = job(&server, json!({"image_name": "app", "dockerfile": "FROM scratch"})).await;
    let blobs = server.folder.path().join("blobs");
    std::fs::remove_dir(&blobs).unwrap();
    std::fs::write(&blobs, "").unwrap();
    let tar = STANDARD.encode(a_tar());
    let broken = submit(&server, json!({"image_name": "app", "TarFile": tar})).await;
    insta::assert_snapshot!(broken.line(), @"");
    assert_eq!(server.get(&format!("/api/v1/{id}/status")).await.status, 200);
}

#[tokio::test]
async fn a_long_log_is_one_string() {
    let server = Server::start().await;
    let id = job(&server, json!({"image_name": "app", "dockerfile": "FROM scratch"})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    let mut expected = String::new();
    for n in 0..300 {
        let text = format!("{n} \u{1b}[31m\"ü\\{}\n", "y".repeat(10_000));
        worker.say(&lease, &[line(&text)]).await;
        expected.push_str(&text);
    }
    let logs = server.get(&format!("/api/v1/{id}/logs")).await.json();
    assert!(logs["Logs"].as_str().unwrap().ends_with(&expected));
    assert_eq!(logs.as_object().unwrap().len(), 1);
}
