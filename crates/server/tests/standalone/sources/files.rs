//! A Dockerfile with files beside it.

use serde_json::json;
use slipway_test_support::env;

use super::build_from;
use crate::stack::{Stack, unique};

#[tokio::test(flavor = "multi_thread")]
async fn files_of_text_are_in_the_context() {
    let stack = Stack::plain().await;
    let port = unique();
    let content = format!("FROM {}\nCOPY conf/ /conf/\nRUN cat /conf/*.toml\n", env::base_image());
    let build = build_from(json!({
        "type": "dockerfile", "content": content,
        "files": {"conf/app.toml": format!("port = {port}\n"), "./conf/other.toml": "name = \"ü\"\n"},
    }));
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    let log = stack.daemon.build_log(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}\n{log}");
    assert_eq!(done["source"]["files"], 2, "{done:#}");
    assert!(log.contains(&format!("port = {port}")) && log.contains("name = \"ü\""), "{log}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_would_leave_it_are_refused() {
    let stack = Stack::plain().await;
    for path in ["../x", "/etc/passwd", "Dockerfile"] {
        let mut source = json!({"type": "dockerfile", "content": "FROM scratch\n"});
        source["files"] = json!({path: "text"});
        let answer = stack.daemon.submit(&build_from(source)).await.unwrap();
        assert_eq!(answer["error"]["field"], "source.files", "{path}: {answer:#}");
    }
    stack.leaves_nothing(&[]).await;
}
