//! Builds from wherever the code is.

mod all_platforms;
mod archive;
mod broken_registries;
mod early;
mod files;
mod git;
mod github;
mod image;
mod push;
mod repository_form;
mod triggers;

use serde_json::{Value, json};
use slipway_test_support::archives;

use crate::stack::{Stack, build_of};

/// A build from `source`, to a repository of its own.
fn build_from(source: Value) -> Value {
    let mut build = build_of("");
    build["source"] = source;
    build
}

/// Runs a build to its end, which is not to be a success: the failure's reason, fault and
/// words.
async fn failing(stack: &Stack, source: Value) -> (String, String, String) {
    let id = stack.submitted(&build_from(source)).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "failed", "{done:#}");
    let failure = &done["failure"];
    let text = |name: &str| failure[name].as_str().unwrap_or_default().to_owned();
    let all = format!("{done} {}", stack.daemon.build_log(&id).await.unwrap());
    (text("reason"), text("fault"), all)
}

/// A context in a top folder, as releases have it.
pub(crate) fn release() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, text) in [
        ("app-1.2/Dockerfile", "FROM scratch\nCOPY kept /\n"),
        ("app-1.2/kept", "kept"),
        ("app-1.2/.dockerignore", "*.log\n"),
        ("app-1.2/big.log", "not kept"),
        ("app-1.2/deep/er/Dockerfile", "FROM scratch\nCOPY inside /\n"),
        ("app-1.2/deep/er/inside", "inside"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    archives::gzip(&tar.into_inner().unwrap())
}

fn dockerfile(content: &str) -> Value {
    json!({"type": "dockerfile", "content": content})
}
