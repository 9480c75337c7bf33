//! Archives that are fetched.

use serde_json::{Value, json};
use slipway_test_support::web::{Answer, Web};
use slipway_test_support::{archives, env};

use super::{build_from, failing, release};
use crate::stack::{Stack, unique};

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

/// A context whose build prints what it must not, and the Dockerfile does not say it.
fn telltale(base: &str, place: &str) -> Vec<u8> {
    let dockerfile = format!(
        "FROM {base}\nRUN h=s3cret; echo alone ${{h}}+sig ${{h}}%2Bsig; \\\n\
         echo whole {place}?X-Signed-Headers=host'&'X-Signature=${{h}}%2Bsig over https\n"
    );
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "Dockerfile", dockerfile.as_bytes()).unwrap();
    archives::gzip(&tar.into_inner().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_address_is_shown_without_its_query() {
    const QUERY: &str = "X-Amz-SignedHeaders=host&X-Amz-Signature=s3cret%2Bsig";
    let path = format!("/a-bucket-of-its-own/{}/context.tar.gz", unique());
    let served = path.clone();
    let web = Web::start(move |head| {
        let asked = head.split(' ').nth(1).unwrap_or_default();
        let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        match asked.split_once('?') {
            Some((path, QUERY)) if path == served => {
                Answer::new(200, telltale(&env::base_image(), &format!("http://{host}{path}")))
            }
            _ => Answer::new(403, ""),
        }
    })
    .await
    .unwrap();
    let told = Web::start(|_| Answer::new(200, "")).await.unwrap();
    let stack = Stack::plain().await;
    let place = format!("{}{path}", web.url());
    let order = |query: &str| {
        let source = json!({"type": "archive", "url": format!("{place}?{query}")});
        let mut build = build_from(source);
        build["followers"] = json!([{"kind": "status", "url": told.url()}]);
        build
    };
    let mut ids = Vec::new();
    for (query, status) in [(QUERY, "succeeded"), ("X-Amz-Signature=wr0ng-s3cret", "failed")] {
        let id = stack.submitted(&order(query)).await;
        let done = stack.daemon.end(&id).await.unwrap();
        let log = stack.daemon.build_log(&id).await.unwrap();
        assert_eq!(done["status"], status, "{done:#}\n{log}");
        assert_eq!(done["source"]["url"], place.as_str(), "{done:#}");
        assert!(log.contains(&format!("fetching {place}?***\n")), "{log}");
        if status == "failed" {
            let message = done["failure"]["message"].as_str().unwrap();
            assert!(message.contains(&place), "{message}");
        } else {
            assert!(log.contains("alone *** ***\n"), "{log}");
            assert!(log.contains(&format!("whole {place}?*** over https\n")), "{log}");
        }
        // It is built again by who has the address.
        let again =
            stack.daemon.http.post(format!("{}/api/v2/builds/{id}/retry", stack.daemon.url));
        let refused = again.try_clone().unwrap().send().await.unwrap();
        assert_eq!(refused.status(), 409);
        assert!(refused.text().await.unwrap().contains("source_url"));
        let body = json!({"source_url": format!("{place}?{QUERY}")});
        let again = again.json(&body).send().await.unwrap().json::<Value>().await.unwrap();
        let again = again["id"].as_str().unwrap().to_owned();
        assert_eq!(stack.daemon.end(&again).await.unwrap()["status"], "succeeded");
        ids.extend([id, again]);
    }
    while told.asked().iter().filter(|said| said.contains("build.succeeded")).count() < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let told = told.asked().join("\n");
    assert!(told.contains(&place), "{told}");
    for (where_, text) in [("the webhooks say", told), ("the worker says", stack.daemon.log())] {
        for secret in ["s3cret", "SignedHeaders"] {
            assert!(!text.contains(secret), "{where_} {secret}: {text}");
        }
    }
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
