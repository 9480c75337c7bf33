//! Archives that are fetched.

use serde_json::json;
use slipway_test_support::web::{Answer, Web};

use super::{build_from, failing, release};
use crate::stack::Stack;

/// `u:hunter2`, as HTTP Basic has it.
const LOGIN: &str = "authorization: Basic dTpodW50ZXIy";

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn files() -> Web {
    Web::start(|head| {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let has = |line: &str| head.to_lowercase().contains(&line.to_lowercase());
        match path {
            "/app.tgz" => Answer::new(200, release()),
            "/moved" => Answer::redirect("/app.tgz"),
            "/signed?sig=s3cretsig" => Answer::new(200, release()),
            "/private" if has(LOGIN) => Answer::new(200, release()),
            "/token" if has("authorization: Bearer t0ken") => Answer::new(200, release()),
            "/header" if has("x-job-token: t0ken") => Answer::new(200, release()),
            "/private" | "/token" | "/header" | "/signed" => Answer::new(401, ""),
            "/page" => Answer::with(200, "content-type: text/html\r\n", "<!doctype html><p>hi"),
            "/loop" => Answer::redirect("/loop"),
            "/metadata" => Answer::redirect("http://169.254.169.254/latest/meta-data/"),
            "/cut" => Answer::new(200, release()).cut_after(120),
            "/broken" => Answer::new(500, ""),
            _ => Answer::new(404, ""),
        }
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_way_they_can_be_had() {
    let (stack, web) = (Stack::plain().await, files().await);
    let at = |path: &str| format!("{}{path}", web.url());
    let with_login = format!("http://u:hunter2@{}/private", &web.url()[7..]);
    let auth = json!({"username": "u", "password": "hunter2"});
    let mut ids = Vec::new();
    for source in [
        json!({"type": "archive", "url": at("/app.tgz"), "sha256": digest(&release())}),
        json!({"type": "archive", "url": at("/moved"), "subdir": "deep/er"}),
        json!({"type": "archive", "url": at("/signed?sig=s3cretsig")}),
        json!({"type": "archive", "url": with_login}),
        json!({"type": "archive", "url": at("/private"), "auth": auth}),
        json!({"type": "archive", "url": at("/token"), "auth": {"token": "t0ken"}}),
        json!({"type": "archive", "url": at("/header"),
            "auth": {"headers": {"X-Job-Token": "t0ken"}}}),
    ] {
        let id = stack.submitted(&build_from(source)).await;
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
        let log = stack.daemon.build_log(&id).await.unwrap();
        assert!(log.contains("fetching http://127.0.0.1:") && log.contains("fetched "), "{log}");
        for secret in ["hunter2", "s3cretsig", "t0ken"] {
            assert!(!format!("{done} {log}").contains(secret), "{done:#}\n{log}");
        }
        ids.push(id);
    }
    let said = stack.daemon.log();
    for secret in ["hunter2", "s3cretsig", "t0ken"] {
        assert!(!said.contains(secret), "{said}");
    }
    let mut temporary = std::fs::read_dir(stack.data.path().join("tmp")).unwrap();
    let own = temporary.next().unwrap().unwrap().path();
    assert!(temporary.next().is_none(), "there is one process");
    assert_eq!(std::fs::read_dir(own).unwrap().count(), 1, "its lock, and no archive");
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_way_they_cannot() {
    let (stack, web) = (Stack::plain().await, files().await);
    let at = |path: &str| json!({"type": "archive", "url": format!("{}{path}", web.url())});
    let mut changed = at("/app.tgz");
    changed["sha256"] = "0".repeat(64).into();
    let mut wrong = at("/private");
    wrong["auth"] = json!({"username": "u", "password": "not-hunter2"});
    let nobody = json!({"type": "archive", "url": "http://127.0.0.1:1/app.tgz"});
    let nowhere = json!({"type": "archive", "url": "http://nowhere.invalid/app.tgz"});
    for (source, reason, word) in [
        (at("/none"), "source_not_found", "does not exist"),
        (at("/private"), "source_denied", "login"),
        (wrong, "source_denied", "login"),
        (at("/page"), "context_not_an_archive", "HTML"),
        (at("/loop"), "source_error", "redirect"),
        (at("/metadata"), "address_refused", "169.254.169.254"),
        (at("/cut"), "source_error", "breaks off"),
        (at("/broken"), "source_error", "500"),
        (changed, "source_changed", "sha256"),
        (nobody, "source_unreachable", "check host and port"),
        (nowhere, "source_unreachable", "nowhere.invalid"),
    ] {
        let shown = source.to_string();
        let (got, fault, said) = failing(&stack, source).await;
        assert_eq!(got, reason, "{shown}: {said}");
        let expected = if reason == "address_refused" { "user" } else { "source" };
        assert_eq!(fault, expected, "{shown}: {said}");
        assert!(said.to_lowercase().contains(&word.to_lowercase()), "{shown}: {said}");
        assert!(!said.contains("hunter2"), "{shown}: {said}");
    }
    stack.leaves_nothing(&[]).await;
}
