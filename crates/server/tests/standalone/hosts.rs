//! Hosts that are not there, come back, and share the work.

use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};

use crate::stack::{Stack, build_of, fresh, one_host, wired_engine};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_host_builds_wait_and_say_why_until_it_comes_back() {
    let (wire, url) = wired_engine().await;
    wire.cut();
    let stack = Stack::with(&one_host(&url)).await;
    let health: serde_json::Value = stack
        .daemon
        .http
        .get(format!("{}/health", stack.daemon.url))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(health["status"], "degraded", "{health:#}");
    let id = stack.submitted(&build_of(&fresh("true"))).await;
    stack.waits_because(&id, "no Docker host can be used: a:").await;
    wire.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_lost_under_a_build_costs_an_attempt_and_no_build() {
    let (wire, url) = wired_engine().await;
    let stack = Stack::with(&one_host(&url)).await;
    let id = stack.submitted(&build_of(&fresh("sleep 6"))).await;
    stack.daemon.until(&id, &["building"]).await.unwrap();
    wire.cut();
    stack.daemon.until(&id, &["queued"]).await.unwrap();
    wire.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["attempt"], 2, "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_dies_in_the_push_costs_a_push_and_no_build() {
    let registry = Wire::to(End::Tcp(env::registry())).await.unwrap();
    let stack = Stack::plain().await;
    let mut build = build_of(&fresh("echo built only once"));
    build["image"] =
        serde_json::json!(format!("{}/stories/{}:1", registry.address(), crate::stack::unique()));
    registry.hold_at(b"PATCH /v2/");
    let id = stack.submitted(&build).await;
    registry.held().await;
    registry.cut();
    loop {
        if stack.daemon.build_log(&id).await.unwrap().contains("trying again in") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    registry.mend();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["attempt"], 1, "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_kept_and_an_image_goes_back_to_the_host_that_built_it() {
    let settings = format!(
        "[[docker.hosts]]\nname = \"a\"\nurl = \"{0}\"\nslots = 1\n\
         [[docker.hosts]]\nname = \"b\"\nurl = \"{1}\"\nslots = 1\n",
        env::docker_host(),
        env::second_docker_host(),
    );
    let stack = Stack::with(&settings).await;
    // Both hosts have to be known before the first claim chooses between them.
    stack.hosts_known(2).await;
    let build = build_of(&fresh("true"));
    let mut hosts = Vec::new();
    for _ in 0..3 {
        let id = stack.submitted(&build).await;
        hosts.push(stack.daemon.end(&id).await.unwrap()["host"].clone());
    }
    assert!(hosts.iter().all(|host| *host == hosts[0]), "{hosts:?}");

    // Three at once: one on each host, and one that waits.
    let mut ids = Vec::new();
    for command in ["sleep 12", "sleep 12", "true"] {
        ids.push(stack.submitted(&build_of(&fresh(command))).await);
    }
    let running = [
        stack.daemon.until(&ids[0], &["building"]).await.unwrap()["host"].clone(),
        stack.daemon.until(&ids[1], &["building"]).await.unwrap()["host"].clone(),
    ];
    assert_ne!(running[0], running[1]);
    let third = stack.daemon.build(&ids[2]).await.unwrap();
    assert_eq!(third["waiting"]["reason"], "all 2 slots busy", "{third:#}");
    for id in &ids {
        assert_eq!(stack.daemon.end(id).await.unwrap()["status"], "succeeded");
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    stack.leaves_nothing(&ids).await;
}
