//! A folder of blobs that is not the one that was used before.

use std::path::Path;

use slipway_test_support::archives;
use slipway_test_support::daemon::Daemon;
use tokio::process::Command;

use crate::stack::{Stack, one_host};

const SLIPWAYD: &str = env!("CARGO_BIN_EXE_slipwayd");

async fn mark_blobs(data: &Path) -> (bool, String) {
    let marking = Command::new(SLIPWAYD).args(["mark-blobs", "--data-dir"]).arg(data).output();
    let output = marking.await.unwrap();
    let text = [&*output.stdout, &*output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// How the blobs are, by `/health`, as soon as it is `wanted`.
async fn until(stack: &Stack, wanted: &str) -> String {
    let mut said = String::new();
    for _ in 0..600 {
        let health = stack.get("/health").await;
        let checks = health["checks"].as_array().unwrap();
        let blobs = checks.iter().find(|check| check["name"] == "blobs").unwrap();
        said = format!("{}: {}", blobs["status"], blobs["message"]);
        if blobs["status"] == wanted {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    said
}

/// A new store is marked by itself, which may be after its first upload.
async fn written(mark: &Path) -> String {
    for _ in 0..600 {
        match std::fs::read_to_string(mark) {
            Ok(text) => return text,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("there is no mark");
}

/// Retention finds out by itself, after the health.
async fn until_it_says(stack: &Stack, text: &str) {
    for _ in 0..600 {
        if stack.daemon.log().contains(text) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{}", stack.daemon.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_not_mounted_takes_nothing_until_somebody_says_so() {
    // No engine listens there.
    let nowhere = one_host("unix:///nowhere/docker.sock");
    let mut stack = Stack::with(&nowhere).await;
    let data = stack.data.path().to_owned();
    assert!(stack.daemon.upload(archives::honest()).await.unwrap().is_string());
    let mark = written(&data.join("blobs/mark")).await;
    assert_eq!(
        mark_blobs(&data).await,
        (true, "nothing to do: the blob store is this installation's\n".into())
    );

    stack.daemon.signal("TERM").await.unwrap();
    assert!(stack.daemon.ended().await.unwrap());
    std::fs::rename(data.join("blobs"), data.join("away")).unwrap();
    stack.daemon = Daemon::start(SLIPWAYD, &data, &nowhere).await.unwrap();
    let said = until(&stack, "degraded").await;
    assert!(said.contains("mounted") && said.contains("slipwayd mark-blobs"), "{said}");
    assert!(stack.daemon.upload(archives::honest()).await.unwrap().is_null());
    until_it_says(&stack, "uploads are left as they are").await;
    assert_eq!(std::fs::read_dir(data.join("blobs")).unwrap().count(), 0);

    // Somebody says so, and the daemon goes on.
    let marked = mark_blobs(&data).await;
    assert!(marked.0 && marked.1.contains("it has a new mark"), "{marked:?}");
    until(&stack, "healthy").await;
    assert!(stack.daemon.upload(archives::honest()).await.unwrap().is_string());
    assert_ne!(std::fs::read_to_string(data.join("blobs/mark")).unwrap(), mark);

    // And the first one is another's now, until it is taken again.
    std::fs::remove_dir_all(data.join("blobs")).unwrap();
    std::fs::rename(data.join("away"), data.join("blobs")).unwrap();
    let said = until(&stack, "degraded").await;
    assert!(said.contains("another installation"), "{said}");
    let marked = mark_blobs(&data).await;
    assert!(marked.0 && marked.1.contains("it keeps its mark"), "{marked:?}");
    until(&stack, "healthy").await;
    assert_eq!(std::fs::read_to_string(data.join("blobs/mark")).unwrap(), mark);
}
