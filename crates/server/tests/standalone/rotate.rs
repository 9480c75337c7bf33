//! The key is changed while builds wait that were sealed with the old one.

use std::path::Path;
use std::process::Output;

use serde_json::json;
use slipway_test_support::daemon::Daemon;
use slipway_test_support::env;
use tokio::process::Command;

use crate::stack::{Stack, build_of, one_host, unique};

const SLIPWAYD: &str = env!("CARGO_BIN_EXE_slipwayd");

async fn rotate(data: &Path, settings: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), settings).unwrap();
    Command::new(SLIPWAYD)
        .args(["rotate-keys", "--config"])
        .arg(file.path())
        .arg("--data-dir")
        .arg(data)
        // A slow disk is worth a warning, which is not what is looked for here.
        .env("RUST_LOG", "error")
        .output()
        .await
        .unwrap()
}

fn said(output: &Output) -> (bool, String) {
    let text = [&*output.stdout, &*output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_build_outlives_the_key_that_sealed_it() {
    // No engine listens there: the build waits.
    let nowhere = one_host("unix:///nowhere/docker.sock");
    let mut stack = Stack::with(&nowhere).await;
    let mark = unique();
    let mut build = build_of(&format!(
        "FROM {}\nRUN --mount=type=secret,id=word test \"$(cat /run/secrets/word)\" = {mark}-secret\n",
        env::base_image()
    ));
    build["secrets"] = json!({"word": format!("{mark}-secret")});
    let id = stack.submitted(&build).await;
    stack.daemon.signal("TERM").await.unwrap();
    assert!(stack.daemon.ended().await.unwrap());

    let data = stack.data.path().to_owned();
    let (key, old) = (data.join("secret.key"), data.join("secret.key.old"));
    std::fs::rename(&key, &old).unwrap();
    let rotated = said(&rotate(&data, "").await);
    assert!(!rotated.0 && rotated.1.contains("secret.key"), "{rotated:?}");
    // A new one is made at the start; the old one only opens.
    let with_old = format!("[secrets]\nold_key_files = [\"{}\"]\n", old.display());
    stack.daemon = Daemon::start(SLIPWAYD, &data, &format!("{with_old}{nowhere}")).await.unwrap();
    let without = said(&rotate(&data, "").await);
    assert!(!without.0 && without.1.contains("1 with "), "{without:?}");
    let rotated = said(&rotate(&data, &with_old).await);
    assert_eq!(rotated, (true, "the secrets of 1 build were sealed with the current key\n".into()));
    let again = said(&rotate(&data, &with_old).await);
    assert_eq!(again, (true, "nothing to do: no secrets are sealed with an old key\n".into()));
    stack.daemon.signal("TERM").await.unwrap();
    assert!(stack.daemon.ended().await.unwrap());

    std::fs::remove_file(old).unwrap();
    let engine = one_host(&env::docker_host());
    stack.daemon = Daemon::start(SLIPWAYD, &data, &engine).await.unwrap();
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}\n{}", stack.daemon.log());
    stack.leaves_nothing(&[&id]).await;
}
