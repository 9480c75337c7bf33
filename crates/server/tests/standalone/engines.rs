//! Bad days of an engine: it hangs, it is replaced by another one.

use std::time::Duration;

use slipway_test_support::engine::{Kind, PrivateEngine};
use slipway_test_support::env;

use crate::stack::{Stack, build_of, fresh, images_on, one_host, wired_engine};

#[tokio::test(flavor = "multi_thread")]
async fn a_build_on_an_engine_that_hangs_goes_elsewhere() {
    let (wire, url) = wired_engine().await;
    let settings = one_host(&url)
        + &format!("[[docker.hosts]]\nname = \"b\"\nurl = \"{}\"\n", env::second_docker_host());
    let stack = Stack::with(&settings).await;
    stack.hosts_known(2).await;
    stack.post("/api/v2/hosts/b/drain").await;
    let id = stack.submitted(&build_of(&fresh("sleep 20"))).await;
    stack.daemon.until(&id, &["building"]).await.unwrap();
    wire.hold();
    stack.post("/api/v2/hosts/b/undrain").await;

    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!((&done["host"], &done["attempt"]), (&"b".into(), &2.into()), "{done:#}");
    let log = stack.daemon.build_log(&id).await.unwrap();
    let note = "==> queued: docker host a broke off: no answer within 5 seconds; the build is \
                back in line";
    assert!(log.contains(note), "{log}");
    let hosts = stack.get("/api/v2/hosts").await;
    assert_eq!(
        hosts["hosts"][0]["problem"], "docker host a broke off: no answer within 5 seconds",
        "{hosts:#}"
    );
    wire.mend();
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_replaced_between_two_builds_and_in_the_middle_of_one() {
    let engine = PrivateEngine::start(Kind::default()).await.unwrap();
    let stack = Stack::with(&one_host(&engine.url())).await;
    let first = stack.submitted(&build_of(&fresh("true"))).await;
    assert_eq!(stack.daemon.end(&first).await.unwrap()["status"], "succeeded");

    engine.replace().await.unwrap();
    let second = stack.submitted(&build_of(&fresh("echo begun; sleep 8"))).await;
    stack.daemon.until(&second, &["building"]).await.unwrap();
    while !stack.daemon.build_log(&second).await.unwrap().contains("\nbegun\n") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    engine.replace().await.unwrap();
    let done = stack.daemon.end(&second).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert_eq!(done["attempt"], 2, "{done:#}");
    let log = stack.daemon.build_log(&second).await.unwrap();
    assert!(log.contains("==> queued: docker host a "), "{log}");
    let left = images_on(&engine.socket(), "slipway.invalid").await;
    assert!(left.is_empty(), "{left:?}");
    stack.leaves_nothing(&[]).await;
}
