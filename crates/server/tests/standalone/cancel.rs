//! A cancel in each stage really stops the engine's work.

use serde_json::json;
use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};

use crate::stack::{PATIENCE, Stack, build_of, fresh, one_host, unique, wired_engine};

/// Whether some process on this machine was started with `marker` in its command.
async fn runs(marker: &str) -> bool {
    let output = tokio::process::Command::new("ps").args(["-eo", "args"]).output().await.unwrap();
    String::from_utf8_lossy(&output.stdout).lines().any(|line| line.contains(marker))
}

#[tokio::test(flavor = "multi_thread")]
async fn in_line() {
    let stack = Stack::with(&one_host("unix:///nowhere/docker.sock")).await;
    let id = stack.submitted(&build_of("FROM scratch\nLABEL a=b\n")).await;
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
    assert_eq!(stack.daemon.build(&id).await.unwrap()["status"], "cancelled");
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_preparing() {
    let (wire, url) = wired_engine().await;
    let stack = Stack::with(&one_host(&url)).await;
    wire.hold_at(b"POST /v1.41/build");
    let upload = stack.daemon.upload(slipway_test_support::archives::honest()).await.unwrap();
    let mut build = build_of("");
    build["source"] = json!({"type": "upload", "id": upload});
    let id = stack.submitted(&build).await;
    wire.held().await;
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
    wire.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "cancelled", "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_building_with_either_builder() {
    for builder in ["buildkit", "classic"] {
        let settings = one_host(&env::docker_host()) + &format!("builder = \"{builder}\"\n");
        let stack = Stack::with(&settings).await;
        let marker = unique();
        let id = stack.submitted(&build_of(&fresh(&format!("sleep 300; echo {marker}")))).await;
        stack.daemon.until(&id, &["building"]).await.unwrap();
        while !runs(&marker).await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], "cancelled", "{done:#}");
        let stopped = async {
            while runs(&marker).await {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, stopped).await.expect("the step still runs");
        assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 409, "it is over");
        stack.leaves_nothing(&[&id]).await;
    }
}

/// An engine does not stop an export that it is in the middle of, and names the image after
/// whoever asked has gone and looked.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_image_is_being_exported() {
    let stack = Stack::plain().await;
    let command = "dd if=/dev/urandom of=/big bs=1M count=300 2>/dev/null";
    let id = stack.submitted(&build_of(&fresh(command))).await;
    while !stack.daemon.build_log(&id).await.unwrap().contains("exporting layers") {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "cancelled", "{done:#}");
    // The engine finishes, the image comes, and the sweep takes it away.
    tokio::time::sleep(std::time::Duration::from_secs(8)).await;
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_pushing() {
    let registry = Wire::to(End::Tcp(env::registry())).await.unwrap();
    let stack = Stack::plain().await;
    let mut build = build_of(&fresh("true"));
    let image = format!("{}/stories/{}:1", registry.address(), unique());
    build["image"] = json!(image);
    registry.hold();
    let id = stack.submitted(&build).await;
    stack.daemon.until(&id, &["pushing"]).await.unwrap();
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "cancelled", "{done:#}");
    assert!(crate::stack::images_named(&image).await.is_empty());
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_purging_it_is_too_late() {
    let (wire, url) = wired_engine().await;
    let stack = Stack::with(&one_host(&url)).await;
    wire.hold_at(b"DELETE /v1.41/images/slipway.invalid");
    let id = stack.submitted(&build_of(&fresh("true"))).await;
    wire.held().await;
    stack.daemon.until(&id, &["purging"]).await.unwrap();
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 409);
    wire.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}
