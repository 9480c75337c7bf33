//! A password goes in and never comes out: in no answer, no event, and no log line.

use std::io::Write;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::json;
use slipway_store::builds;
use tracing_subscriber::fmt::MakeWriter;

use crate::build_secrets::a_key;
use crate::server::{Server, answer};
use crate::worker::Worker;

const USERNAME: &str = "captain-nemo";
const PASSWORD: &str = "twenty-thousand-leagues";
const SECRET: &str = "under-the-sea";

/// All that the process logs, at the most talkative level.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_password_never_comes_out() {
    // The server's threads are not this one, so this is the subscriber of the process;
    // what other tests log meanwhile does no harm.
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(captured.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let server = Server::start().await;
    let ssh = a_key(&["-N", ""]);
    let login = json!({
        "registry_auth": {"r.example": {"username": USERNAME, "password": PASSWORD}},
        "secrets": {"npm": SECRET},
        "ssh": {"default": ssh},
    });
    let mut seen = Vec::new();
    let accepted = server.submit(login.clone()).await;
    let build = accepted.header("location");
    seen.push(accepted);
    let boatyard = json!({
        "image_name": "r.example/app", "dockerfile": "FROM scratch",
        "username": USERNAME, "password": PASSWORD,
    });
    let job = server.post("/api/v1/build", boatyard.to_string()).await;
    let id = job.json()["JobIdentifier"].as_str().unwrap().to_owned();
    seen.push(job);
    // A password in the wrong place, and one in a body that is refused for another reason.
    for body in [
        json!({"registry_auth": PASSWORD}),
        json!({"registry_auth": {"r.example": PASSWORD}}),
        json!({"registry_auth": {"r.example": {"username": USERNAME, PASSWORD: PASSWORD}}}),
        json!({"registry_auth": {format!("https://{USERNAME}:{PASSWORD}@r.example"): login["registry_auth"]["r.example"]}}),
        json!({"image": "A", "registry_auth": login["registry_auth"]}),
        json!({"image": "A", "secrets": login["secrets"], "ssh": login["ssh"]}),
        json!({"secrets": SECRET}),
        json!({"secrets": {format!("npm={SECRET}"): ""}}),
        json!({"secrets": {"npm": {"value": SECRET}}}),
        json!({"ssh": {"default": ssh.replace("OPENSSH", "")}}),
        json!({"ssh": [ssh]}),
        json!({"ssh": {ssh.as_str(): ""}}),
        json!({"image": format!("https://{USERNAME}:{PASSWORD}@r.example/app")}),
    ] {
        let refused = server.submit(body).await;
        assert_eq!(refused.status, 400);
        seen.push(refused);
    }
    let key = || server.request(Method::POST, "/api/v2/builds").header("Idempotency-Key", "k");
    let body = crate::server::a_build(login.clone()).to_string();
    seen.push(answer(key().body(body.clone())).await);
    seen.push(answer(key().body(body.replace("app:1.2", "app:1.3"))).await);

    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    let waiting = builds::find(&server.api.store, lease.build()).await.unwrap();
    worker.finish(&lease, builds::Ending::Failed(crate::worker::a_failure())).await;
    seen.push(server.post(&format!("{build}/retry"), "").await);
    seen.push(server.post(&format!("{build}/retry"), login.to_string()).await);
    for path in ["", "/logs", "/logs?follow=true", "/events"] {
        seen.push(server.get(&format!("{build}{path}")).await);
    }
    for path in [
        "/api/v2/builds",
        "/openapi.json",
        "/api/v2/hosts",
        "/health",
        &format!("/api/v1/{id}/status"),
        &format!("/api/v1/{id}/logs"),
    ] {
        seen.push(server.get(path).await);
    }

    let logged = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("answered"), "the log was captured: {logged}");
    let stored = std::fs::read(server.folder.path().join("rows.db")).unwrap();
    let shown = format!("{seen:?} {waiting:?} {logged} {}", String::from_utf8_lossy(&stored));
    let lines = ssh.lines().filter(|line| !line.starts_with('-'));
    for secret in [PASSWORD, USERNAME, SECRET].into_iter().chain(lines) {
        if let Some(at) = shown.find(secret) {
            panic!("{}", &shown[at.saturating_sub(300)..at + secret.len()]);
        }
    }
}

#[tokio::test]
async fn logins_are_erased_with_the_end() {
    let server = Server::start().await;
    let login =
        json!({"registry_auth": {"r.example": {"username": USERNAME, "password": PASSWORD}}});
    let build = server.submitted(login).await;
    server.post(&format!("{build}/cancel"), "").await;
    assert_eq!(server.post(&format!("{build}/retry"), "").await.status, 409);
}
