//! Images that are passed on as they are.

use serde_json::json;
use slipway_test_support::env;

use super::{build_from, dockerfile, failing};
use crate::stack::{Stack, fresh, images_named, unique};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_goes_on_unchanged_and_leaves_no_name() {
    let stack = Stack::plain().await;
    let made = build_from(dockerfile(&fresh("true")));
    let first = stack.submitted(&made).await;
    let first = stack.daemon.end(&first).await.unwrap();
    assert_eq!(first["status"], "succeeded", "{first:#}");
    let image = first["image"].as_str().unwrap();

    let there = env::registry_with_login();
    let mut ids = Vec::new();
    let by_digest =
        format!("{}@{}", image.trim_end_matches(":1"), first["digest"].as_str().unwrap());
    for named in [image, &by_digest] {
        let mut build = build_from(json!({"type": "image", "ref": named}));
        build["image"] = format!("{}/mirrored/{}:2", there.host, unique()).into();
        build["registry_auth"] = json!({
            &there.host: {"username": there.user, "password": there.password}
        });
        let id = stack.submitted(&build).await;
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], "succeeded", "{done:#}");
        assert_eq!(done["digest"], first["digest"], "{done:#}");
        ids.push(id);
    }
    assert_eq!(images_named(image).await, Vec::<String>::new());
    stack.leaves_nothing(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_had() {
    let stack = Stack::plain().await;
    let none = format!("{}/no/such:1", env::registry());
    let (reason, _, said) = failing(&stack, json!({"type": "image", "ref": none})).await;
    assert_eq!(reason, "base_image_not_found", "{said}");
    let private = format!("{}/no/such:1", env::registry_with_login().host);
    let (reason, _, said) = failing(&stack, json!({"type": "image", "ref": private})).await;
    assert_eq!(reason, "base_image_denied", "{said}");
    stack.leaves_nothing(&[]).await;
}
