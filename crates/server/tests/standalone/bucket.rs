//! Uploads in a bucket: built from there, and what is said when it cannot be reached.

use serde_json::{Value, json};
use slipway_test_support::archives;
use slipway_test_support::bucket::{ACCESS_KEY_ID, Bucket, SECRET_ACCESS_KEY};
use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};

use crate::stack::{Stack, build_of, fresh, one_host};

fn settings(address: &str, url: &str, secret: &str) -> String {
    one_host(&env::docker_host())
        + &format!(
            "[blobs]\nurl = \"{url}\"\nendpoint = \"http://{address}\"\nallow_http = true\n\
             access_key_id = \"{ACCESS_KEY_ID}\"\nsecret_access_key = \"{secret}\"\n"
        )
}

async fn on(address: &str) -> Stack {
    Stack::with(&settings(address, "s3://uploads/contexts", SECRET_ACCESS_KEY)).await
}

/// An honest context with so many further bytes in it that do not compress.
fn large(bytes: usize) -> Vec<u8> {
    let mut tar = archives::honest();
    tar.truncate(tar.len() - 1024);
    let mut rest = tar::Builder::new(tar);
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes as u64);
    header.set_mode(0o644);
    let noise: Vec<u8> = (0..=250).cycle().take(bytes).collect();
    rest.append_data(&mut header, "noise", &*noise).unwrap();
    rest.into_inner().unwrap()
}

async fn built(stack: &Stack, upload: &Value) -> Value {
    let mut build = build_of("");
    build["source"] = json!({"type": "upload", "id": upload});
    let id = stack.submitted(&build).await;
    stack.daemon.end(&id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_context_is_built_from_there() {
    let bucket = Bucket::new().await.unwrap();
    let stack = on(&bucket.address()).await;
    let small = stack.daemon.upload(archives::honest()).await.unwrap();
    let again = stack.daemon.upload(archives::honest()).await.unwrap();
    let large = stack.daemon.upload(large(30 << 20)).await.unwrap();
    for upload in [&small, &again, &large] {
        let done = built(&stack, upload).await;
        assert_eq!(done["status"], "succeeded", "{done:#}");
    }
    let kept = [&small, &large].map(|id| format!("contexts/{}", id.as_str().unwrap()));
    let kept = [&kept[0], &kept[1], "contexts/mark"];
    assert_eq!(bucket.keys_once(&kept).await, kept, "the second was the first");
    assert!(!stack.daemon.log().contains(SECRET_ACCESS_KEY));
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_breaks_off_in_the_middle_of_a_build_is_taken_up() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let stack = on(&wire.address()).await;
    let upload = stack.daemon.upload(large(60 << 20)).await.unwrap();
    wire.hold_at(b"range: bytes=0-629");
    let mut build = build_of("");
    build["source"] = json!({"type": "upload", "id": upload});
    let id = stack.submitted(&build).await;
    wire.held().await;
    wire.cut();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    wire.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_away_when_a_build_starts_is_waited_for() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let stack = on(&wire.address()).await;
    let upload = stack.daemon.upload(archives::honest()).await.unwrap();
    let mut build = build_of("");
    build["source"] = json!({"type": "upload", "id": upload});
    wire.cut();
    let id = stack.submitted(&build).await;
    stack.daemon.until(&id, &["preparing"]).await.unwrap();
    // One try asks for twenty seconds.
    stack.daemon.until(&id, &["queued"]).await.unwrap();
    wire.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["attempt"], 2, "{done:#}");
    let log = stack.daemon.build_log(&id).await.unwrap();
    assert!(log.contains("the store of uploads does not answer; the build is back"), "{log}");
    // No host is to blame.
    let hosts = stack.get("/api/v2/hosts").await;
    assert!(hosts["hosts"][0]["problem"].is_null(), "{hosts:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_lost_before_a_build_starts_is_named() {
    let bucket = Bucket::new().await.unwrap();
    let stack = on(&bucket.address()).await;
    let upload = stack.daemon.upload(archives::honest()).await.unwrap();
    bucket.remove().unwrap();
    let done = built(&stack, &upload).await;
    let failure = &done["failure"];
    assert_eq!(failure["reason"], "uploads_refused", "{failure:#}");
    assert_eq!(failure["fault"], "system");
    assert_eq!(failure["message"], "the store of uploads refuses: the bucket does not exist");
    assert!(failure["hint"].as_str().unwrap().contains("whoever runs slipway"), "{failure:#}");
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_under_an_upload_is_said_and_survived() {
    let bucket = Bucket::new().await.unwrap();
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let stack = on(&wire.address()).await;
    wire.hold_at(b"partNumber=2");
    let url = format!("{}/api/v2/uploads", stack.daemon.url);
    let sent = tokio::spawn(stack.daemon.http.post(&url).body(large(40 << 20)).send());
    wire.held().await;
    wire.cut();
    let answer = sent.await.unwrap().unwrap();
    assert_eq!(answer.status(), 503);
    let said: Value = answer.json().await.unwrap();
    assert_eq!(said["error"]["code"], "unavailable", "{said:#}");
    assert!(!said.to_string().contains("uploads/contexts"), "{said:#}");
    wire.mend();
    let upload = stack.daemon.upload(archives::honest()).await.unwrap();
    let done = built(&stack, &upload).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lets_nobody_in_is_said_and_other_builds_go_on() {
    let bucket = Bucket::new().await.unwrap();
    for (url, secret, problem) in [
        ("s3://no-such-bucket", SECRET_ACCESS_KEY, "the bucket does not exist"),
        ("s3://uploads", "hunter3", "it does not take the credentials"),
    ] {
        let stack = Stack::unready(&settings(&bucket.address(), url, secret)).await;
        let health = stack.get("/health/ready").await;
        let checks = health["checks"].as_array().unwrap();
        let blobs = checks.iter().find(|check| check["name"] == "blobs").unwrap();
        assert_eq!(blobs, &json!({"name": "blobs", "status": "unavailable", "message": problem}));
        let refused = format!("{}/api/v2/uploads", stack.daemon.url);
        let answer = stack.daemon.http.post(refused).body(archives::honest()).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said["error"]["code"], "uploads_refused", "{said:#}");
        let id = stack.submitted(&build_of(&fresh("true"))).await;
        assert_eq!(stack.daemon.end(&id).await.unwrap()["status"], "succeeded");
        let log = stack.daemon.log();
        assert!(log.contains("uploads can be neither kept nor read"), "{log}");
        assert!(log.contains(problem) && !log.contains(secret), "{log}");
        stack.leaves_nothing(&[&id]).await;
    }
}
