//! The daemon is killed in each stage, and stopped in good order: no build is lost, none
//! ends twice.

use std::time::Duration;

use serde_json::{Value, json};
use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};
use tokio::time::{Instant, sleep};

use crate::stack::{
    PATIENCE, Stack, build_of, digest_in_registry, fresh, one_host, pauses, unique, wired_engine,
};

/// The states a build went through, from its events.
async fn states(stack: &Stack, id: &str) -> Vec<String> {
    let url = format!("{}/api/v2/builds/{id}/events", stack.daemon.url);
    let text = stack.daemon.http.get(url).send().await.unwrap().text().await.unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let seqs: Vec<i64> = events.iter().filter_map(|event| event["seq"].as_i64()).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "gaps: {seqs:?}");
    let states = events.iter().filter(|event| event["kind"] == "state");
    states.filter_map(|event| event["status"].as_str()).map(str::to_owned).collect()
}

/// Ends well, once, in a second attempt.
async fn ends_well_once(stack: &Stack, id: &str, image: &str) {
    let done = stack.daemon.end(id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let registry = image.split('/').next().unwrap();
    assert_eq!(done["digest"].as_str(), digest_in_registry(registry, image).await.as_deref());
    let states = states(stack, id).await;
    assert_eq!(states.iter().filter(|state| *state == "succeeded").count(), 1, "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_builds_are_in_line() {
    let mut stack = Stack::with(&one_host("unix:///nowhere/docker.sock")).await;
    let id = stack.submitted(&build_of("FROM scratch\nLABEL a=b\n")).await;
    stack.daemon.kill().await.unwrap();
    stack.daemon.start_again().await.unwrap();
    assert_eq!(stack.daemon.build(&id).await.unwrap()["status"], "queued");
    stack.waits_because(&id, "no Docker host can be used: a:").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_preparing() {
    let (wire, url) = wired_engine().await;
    let mut stack = Stack::with(&one_host(&url)).await;
    wire.hold_at(b"POST /v1.41/build");
    let mut build = build_of("");
    let upload = stack.daemon.upload(slipway_test_support::archives::honest()).await.unwrap();
    build["source"] = json!({"type": "upload", "id": upload});
    let id = stack.submitted(&build).await;
    wire.held().await;
    stack.daemon.kill().await.unwrap();
    wire.mend();
    stack.daemon.start_again().await.unwrap();
    ends_well_once(&stack, &id, build["image"].as_str().unwrap()).await;
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_building() {
    let mut stack = Stack::pausing(300).await;
    let build = build_of(&pauses());
    let id = stack.submitted(&build).await;
    stack.daemon.until(&id, &["building"]).await.unwrap();
    stack.daemon.kill().await.unwrap();
    stack.start_again_without_pauses().await;
    ends_well_once(&stack, &id, build["image"].as_str().unwrap()).await;
    let states = states(&stack, &id).await;
    assert_eq!(
        states,
        [
            "queued",
            "preparing",
            "building",
            "queued",
            "preparing",
            "building",
            "pushing",
            "purging",
            "succeeded"
        ]
    );
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_pushing() {
    let registry = Wire::to(End::Tcp(env::registry())).await.unwrap();
    let mut stack = Stack::plain().await;
    let mut build = build_of(&fresh("true"));
    let image = format!("{}/stories/{}:1", registry.address(), unique());
    build["image"] = json!(image);
    registry.hold();
    let id = stack.submitted(&build).await;
    stack.daemon.until(&id, &["pushing"]).await.unwrap();
    stack.daemon.kill().await.unwrap();
    registry.mend();
    stack.daemon.start_again().await.unwrap();
    ends_well_once(&stack, &id, &image).await;
    assert!(crate::stack::images_named(&image).await.is_empty());
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_purging_it_is_not_built_again() {
    let (wire, url) = wired_engine().await;
    let mut stack = Stack::with(&one_host(&url)).await;
    wire.hold_at(b"DELETE /v1.41/images/slipway.invalid");
    let build = build_of(&fresh("true"));
    let id = stack.submitted(&build).await;
    wire.held().await;
    stack.daemon.until(&id, &["purging"]).await.unwrap();
    stack.daemon.kill().await.unwrap();
    wire.mend();
    stack.daemon.start_again().await.unwrap();
    ends_well_once(&stack, &id, build["image"].as_str().unwrap()).await;
    assert_eq!(stack.daemon.build(&id).await.unwrap()["attempt"], 1);
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_in_good_order_what_runs_may_finish() {
    let mut stack = Stack::with(
        &one_host(&env::docker_host()).replace("grace_seconds = 2", "grace_seconds = 60"),
    )
    .await;
    let build = build_of(&fresh("sleep 5"));
    let id = stack.submitted(&build).await;
    stack.daemon.until(&id, &["building"]).await.unwrap();
    stack.daemon.signal("INT").await.unwrap();
    assert!(stack.daemon.ended().await.unwrap(), "{}", stack.daemon.log());
    stack.daemon.start_again().await.unwrap();
    let done = stack.daemon.build(&id).await.unwrap();
    assert_eq!((&done["status"], &done["attempt"]), (&json!("succeeded"), &json!(1)), "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_twice_what_runs_is_handed_back_and_goes_on() {
    let mut stack = Stack::pausing(300).await;
    let build = build_of(&pauses());
    let id = stack.submitted(&build).await;
    stack.daemon.until(&id, &["building"]).await.unwrap();
    stack.daemon.signal("TERM").await.unwrap();
    // Two signals that wait to be taken are one.
    let began = Instant::now();
    while !stack.daemon.log().contains("signal again to hand them back now") {
        assert!(began.elapsed() < PATIENCE, "{}", stack.daemon.log());
        sleep(Duration::from_millis(20)).await;
    }
    stack.daemon.signal("TERM").await.unwrap();
    assert!(stack.daemon.ended().await.unwrap(), "{}", stack.daemon.log());
    stack.start_again_without_pauses().await;
    ends_well_once(&stack, &id, build["image"].as_str().unwrap()).await;
    let log = stack.daemon.build_log(&id).await.unwrap();
    assert!(log.contains("the worker stopped; the build is back in line"), "{log}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_do_not_share_a_data_directory() {
    let stack = Stack::plain().await;
    let second = tokio::process::Command::new(env!("CARGO_BIN_EXE_slipwayd"))
        .args(["standalone", "--data-dir"])
        .arg(stack.data.path())
        .output()
        .await
        .unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("is in use by another slipwayd"), "{said}");
}
