//! Builds of one content on one host share the image there, and the purge of one may take it from
//! under the other: before it has its name, before it has its real name, before it is pushed.

use std::time::Duration;

use serde_json::Value;
use slipway_test_support::env;
use slipway_test_support::wire::Wire;
use tokio::time::sleep;

use crate::stack::{
    Stack, build_of, digest_in_registry, engine_socket, fresh, images_named, one_host, wired_engine,
};

/// A step that says `here`, and goes on to say more than there is room for on the way to a
/// worker that does not listen: the engine waits for it between the writing of the image and its
/// last naming.
const TALKATIVE: &str = "echo here; sleep 8; head -c 900000 /dev/zero | tr '\\0' x | fold -w 100";

/// Takes the image with this name off the engine, with all the names that it has.
async fn lose(name: &str) {
    let url = |path: &str| format!("http://engine/images/{path}");
    let ask = async |method: &str, path: &str| {
        let done = tokio::process::Command::new("curl")
            .args(["-sSf", "-X", method, "--unix-socket"])
            .arg(engine_socket())
            .arg(url(path))
            .output()
            .await
            .unwrap();
        assert!(done.status.success(), "{method} {path}: {done:?}");
        done.stdout
    };
    let image: Value = serde_json::from_slice(&ask("GET", &format!("{name}/json")).await).unwrap();
    let id = image["Id"].as_str().unwrap();
    ask("DELETE", &format!("{id}?force=1&noprune=1")).await;
}

/// The one name of the build's image on the engine, once there is one.
async fn named(part: &str) -> String {
    loop {
        if let Some(name) = images_named(part).await.pop() {
            return name;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What a build came to that lost its image when `wire` was held.
async fn built_again(stack: &Stack, id: &str, image: &str, note: &str) {
    let done = stack.daemon.end(id).await.unwrap();
    // Also the name that stood for nothing while the same was built again is free.
    let left = images_named(&id.replace('-', "")).await;
    assert!(left.is_empty(), "left on the host: {left:?}");
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["attempt"], 2, "{done:#}");
    let digest = digest_in_registry(&env::registry(), image).await;
    assert!(digest.is_some());
    assert_eq!(done["digest"].as_str(), digest.as_deref());
    let log = stack.daemon.build_log(id).await.unwrap();
    let told: Vec<&str> = log.lines().filter(|line| line.starts_with("==> ")).collect();
    let lost = format!("==> queued: {note}; the build is back in line");
    assert_eq!(told.iter().filter(|line| line.starts_with("==> queued:")).count(), 1, "{told:#?}");
    assert!(told.contains(&lost.as_str()), "{told:#?}");
    assert_eq!(
        told.iter().filter(|line| line.starts_with("==> succeeded")).count(),
        1,
        "{told:#?}"
    );
    let url = format!("{}/api/v2/builds/{id}/events", stack.daemon.url);
    let events = stack.daemon.http.get(url).send().await.unwrap().text().await.unwrap();
    assert_eq!(
        events.matches("\"kind\":\"state\",\"status\":\"succeeded\"").count(),
        1,
        "{events}"
    );
}

async fn stack() -> (Wire, Stack) {
    let (wire, url) = wired_engine().await;
    (wire, Stack::with(&one_host(&url)).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_lost_at_its_naming_is_built_again() {
    let (wire, stack) = stack().await;
    let build = build_of(&fresh(TALKATIVE));
    let id = stack.submitted(&build).await;
    while !stack.daemon.build_log(&id).await.unwrap().contains("\nhere\n") {
        sleep(Duration::from_millis(20)).await;
    }
    wire.hold();
    lose(&named(&id.replace('-', "")).await).await;
    wire.mend();
    let note = "the docker host lost the image while it named it";
    built_again(&stack, &id, build["image"].as_str().unwrap(), note).await;
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_lost_before_its_push_is_built_again() {
    for moment in ["/tag?", "/push?tag="] {
        let (wire, stack) = stack().await;
        let build = build_of(&fresh("true"));
        let image = build["image"].as_str().unwrap();
        wire.hold_at(moment.as_bytes());
        let id = stack.submitted(&build).await;
        wire.held().await;
        lose(&named(&id.replace('-', "")).await).await;
        wire.mend();
        let note = format!("docker host a lost {image} before it was pushed");
        built_again(&stack, &id, image, &note).await;
        stack.leaves_nothing(&[&id]).await;
    }
}
