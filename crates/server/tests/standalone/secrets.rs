//! A password goes in, an image comes out, and nobody has seen the password.

use serde_json::json;
use slipway_test_support::env;

use crate::stack::{Stack, build_of, digest_in_registry, fresh, unique};

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_used_and_never_seen() {
    let stack = Stack::plain().await;
    let password = env::registry_with_login().password;
    let mut build = build_of(&fresh(&format!("echo the password is {password}")));
    let image = format!("{}/stories/{}:1", env::registry_with_login().host, unique());
    build["image"] = json!(image);
    build["registry_auth"] = json!({env::registry_with_login().host: {"username": env::registry_with_login().user, "password": password}});
    // The Dockerfile is the sender's own text; what it prints is not.
    build["source"]["content"] = json!(format!(
        "FROM {}\nARG FIRST\nARG SECOND\nRUN echo {} && echo the password is $FIRST$SECOND\n",
        env::base_image(),
        unique()
    ));
    let (first, second) = password.split_at(password.len() / 2);
    build["args"] = json!({"FIRST": first, "SECOND": second});
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    assert!(done["digest"].is_string());
    assert_eq!(
        digest_in_registry(&env::registry_with_login().host, &image).await,
        None,
        "it wants a login"
    );

    let log = stack.daemon.build_log(&id).await.unwrap();
    assert!(log.contains("the password is ***\n"), "{log}");
    let events = format!("{}/api/v2/builds/{id}/events", stack.daemon.url);
    let events = stack.daemon.http.get(events).send().await.unwrap().text().await.unwrap();
    let said = stack.daemon.log();
    for (place, text) in
        [("build", done.to_string()), ("log", log), ("events", events), ("trace", said)]
    {
        assert!(!text.contains(&password), "the {place} shows the password");
    }
    // Not on disk either, sealed or erased.
    for file in ["slipway.db", "slipway.db-wal"] {
        let bytes = std::fs::read(stack.data.path().join(file)).unwrap_or_default();
        let found = bytes.windows(password.len()).any(|window| window == password.as_bytes());
        assert!(!found, "{file} holds the password");
    }
    stack.leaves_nothing(&[&id]).await;
}
