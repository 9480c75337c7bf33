//! Pushes of one image take turns, and who waits for the other says so.

use std::time::Duration;

use serde_json::json;
use slipway_test_support::env;
use slipway_test_support::wire::{End, Wire};
use tokio::time::{sleep, timeout};

use crate::stack::{PATIENCE, Stack, fresh, one_host, unique};

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_push_of_the_same_image_reads_why() {
    let registry = Wire::to(End::Tcp(env::registry())).await.unwrap();
    let stack = Stack::with(&one_host(&env::docker_host())).await;
    let image = format!("{}/stories/{}:1", registry.address(), unique());
    let build = |command: &str| {
        let dockerfile = fresh(command);
        json!({"image": image, "source": {"type": "dockerfile", "content": dockerfile}})
    };
    registry.hold_at(b"/v2/stories/");
    let first = stack.submitted(&build("true")).await;
    timeout(PATIENCE, registry.held()).await.expect("the first is pushed");
    let second = stack.submitted(&build("echo another")).await;
    let line = format!("waiting for another build, which uses {image} now");
    let told = async {
        while !stack.daemon.build_log(&second).await.unwrap().contains(&line) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, told).await.expect("the second says for whom it waits");
    registry.mend();
    for id in [&first, &second] {
        let done = stack.daemon.end(id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
    }
    assert!(!stack.daemon.build_log(&first).await.unwrap().contains("waiting for another"));
    stack.leaves_nothing(&[&first, &second]).await;
}
