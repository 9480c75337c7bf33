//! How builds end, told to the one who sent them.

use serde_json::json;
use slipway_test_support::env;

use crate::stack::{Stack, build_of, digest_in_registry, fresh, one_host};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_built_pushed_and_purged() {
    let stack = Stack::plain().await;
    let mut build = build_of(&fresh("echo hello from $WHO"));
    build["source"]["content"] = json!(format!(
        "FROM {}\nARG WHO\nRUN echo {} && echo hello from $WHO\n",
        env::base_image(),
        crate::stack::unique()
    ));
    build["args"] = json!({"WHO": "slipway"});
    build["labels"] = json!({"org.example.team": "harbour"});
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let image = build["image"].as_str().unwrap();
    let digest = digest_in_registry(&env::registry(), image).await;
    assert_eq!(done["digest"].as_str(), digest.as_deref());
    let log = stack.daemon.build_log(&id).await.unwrap();
    assert!(log.contains("hello from slipway\n"), "{log}");
    assert!(log.ends_with(&format!("==> succeeded {}\n", digest.unwrap())), "{log}");
    assert!(crate::stack::images_named(image).await.is_empty());
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_classic_builder_does_the_same() {
    let settings = one_host(&env::docker_host()) + "builder = \"classic\"\n";
    let stack = Stack::with(&settings).await;
    let build = build_of(&fresh("echo hello"));
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let digest = digest_in_registry(&env::registry(), build["image"].as_str().unwrap()).await;
    assert_eq!(done["digest"].as_str(), digest.as_deref());
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_keeps_the_build_cache_of_either_builder() {
    for builder in ["buildkit", "classic"] {
        let settings = one_host(&env::docker_host()) + &format!("builder = \"{builder}\"\n");
        let stack = Stack::with(&settings).await;
        let build = build_of(&format!("{}RUN true\n", fresh("echo expensive")));
        for outputs in [1, 0] {
            let id = stack.submitted(&build).await;
            let done = stack.daemon.end(&id).await.unwrap();
            assert_eq!(done["status"], "succeeded", "{done:#}");
            let log = stack.daemon.build_log(&id).await.unwrap();
            assert_eq!(log.matches("expensive\n").count() - steps_named(&log), outputs, "{log}");
        }
        stack.leaves_nothing(&[]).await;
    }
}

/// How many headings of steps quote the command.
fn steps_named(log: &str) -> usize {
    log.lines().filter(|line| line.starts_with('#') && line.ends_with("expensive")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_says_what_happened_and_what_to_do() {
    let stack = Stack::plain().await;
    let base = env::base_image();
    let nowhere = format!("{}/no/such:image", env::registry());
    let mut closed = build_of(&fresh("true"));
    closed["image"] = json!("127.0.0.1:1/closed/app:1");
    let mut refused = build_of(&fresh("true"));
    refused["image"] = json!(format!("{}/refused/app:1", env::registry_with_login().host));
    refused["registry_auth"] = json!({env::registry_with_login().host: {"username": "slipway", "password": "wrong-password"}});
    let mut anonymous = build_of(&fresh("true"));
    anonymous["image"] = json!(format!("{}/anonymous/app:1", env::registry_with_login().host));
    let mut slow = build_of(&fresh("sleep 60"));
    slow["timeout_seconds"] = json!(1);
    let cases = [
        (
            "a syntax error",
            build_of(&format!("FROM {base}\nRUNN true\n")),
            "failed",
            "dockerfile_invalid",
        ),
        (
            "no such base image",
            build_of(&format!("FROM {nowhere}\n")),
            "failed",
            "base_image_not_found",
        ),
        ("a step that fails", build_of(&fresh("exit 7")), "failed", "step_failed"),
        (
            "a missing file",
            build_of(&format!("FROM {base}\nCOPY nothing /\n")),
            "failed",
            "file_not_found",
        ),
        ("a login that is refused", refused, "failed", "registry_denied"),
        ("no login", anonymous, "failed", "registry_denied"),
        ("a step that takes too long", slow, "timed_out", "timed_out"),
    ];
    for (name, build, status, reason) in cases {
        let id = stack.submitted(&build).await;
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], status, "{name}: {done:#}");
        assert_eq!(done["failure"]["reason"], reason, "{name}: {done:#}");
        let hint = done["failure"]["hint"].as_str().unwrap_or_default();
        assert!(!hint.is_empty(), "{name} has no hint: {done:#}");
        let log = stack.daemon.build_log(&id).await.unwrap();
        assert!(log.contains(done["failure"]["message"].as_str().unwrap()), "{name}: {log}");
        assert!(!log.contains("wrong-password"));
    }
    // A registry that is down is tried again; the build says so while it lasts.
    let id = stack.submitted(&closed).await;
    stack.daemon.until(&id, &["pushing"]).await.unwrap();
    loop {
        let log = stack.daemon.build_log(&id).await.unwrap();
        if log.contains("trying again in 1 s") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(stack.daemon.cancel(&id).await.unwrap(), 202);
    assert_eq!(stack.daemon.end(&id).await.unwrap()["status"], "cancelled");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_pushed_stays_on_the_host() {
    let stack = Stack::plain().await;
    let mut build = build_of(&fresh("true"));
    build["push"] = json!(false);
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let image = build["image"].as_str().unwrap();
    assert_eq!(crate::stack::images_named(image).await, [image]);
    crate::stack::remove_image(image).await;
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_all_end_well() {
    let stack = Stack::plain().await;
    let submits = (0..50).map(|number| {
        let build = build_of(&format!("FROM {}\nLABEL number={number}\n", env::base_image()));
        let stack = &stack;
        async move { stack.submitted(&build).await }
    });
    let ids = futures::future::join_all(submits).await;
    for id in &ids {
        let done = stack.daemon.end(id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
        assert_eq!(done["attempt"], 1);
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    stack.leaves_nothing(&ids).await;
}
