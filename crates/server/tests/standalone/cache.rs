//! The builder's cache, where the operator wants none of it.

use slipway_test_support::env;

use crate::stack::{Stack, build_of, fresh, one_host};

#[tokio::test(flavor = "multi_thread")]
async fn no_build_uses_it_where_the_settings_say_so() {
    let settings = "[build]\nno_cache = true\n".to_owned() + &one_host(&env::docker_host());
    let without = Stack::with(&settings).await;
    let with = Stack::plain().await;
    let dockerfile = fresh("echo one step");
    let mut logs = Vec::new();
    // The first fills the cache, the second finds it, the third does not look.
    for stack in [&with, &with, &without] {
        let id = stack.submitted(&build_of(&dockerfile)).await;
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
        logs.push(stack.daemon.build_log(&id).await.unwrap());
    }
    let ran =
        |log: &String| log.lines().any(|line| line.ends_with("one step") && !line.contains("RUN"));
    let ran: Vec<bool> = logs.iter().map(ran).collect();
    assert_eq!(ran, [true, false, true], "{logs:#?}");
    with.leaves_nothing(&[]).await;
    without.leaves_nothing(&[]).await;
}
