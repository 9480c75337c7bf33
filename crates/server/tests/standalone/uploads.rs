//! Contexts that a client uploads, the good and the hostile.

use std::path::Path;

use serde_json::json;
use slipway_test_support::archives;

use crate::stack::{Stack, build_of};

#[tokio::test(flavor = "multi_thread")]
async fn an_uploaded_context_is_built() {
    let stack = Stack::plain().await;
    let upload = stack.daemon.upload(archives::honest()).await.unwrap();
    let mut build = build_of("");
    build["source"] = json!({"type": "upload", "id": upload});
    let id = stack.submitted(&build).await;
    let done = stack.daemon.end(&id).await.unwrap();
    assert_eq!(done["status"], "succeeded", "{done:#}");
    stack.leaves_nothing(&[&id]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hostile_context_is_refused_by_name() {
    let stack = Stack::plain().await;
    for sample in archives::refused() {
        let answer = stack.daemon.upload(sample.bytes).await.unwrap();
        if answer.is_null() {
            // Refused at the door already: it is no archive at all.
            assert_eq!(sample.reason, "context_not_an_archive", "{}", sample.name);
            continue;
        }
        let mut build = build_of("");
        build["source"] = json!({"type": "upload", "id": answer});
        let id = stack.submitted(&build).await;
        let done = stack.daemon.end(&id).await.unwrap();
        assert_eq!(done["status"], "failed", "{}: {done:#}", sample.name);
        assert_eq!(done["failure"]["reason"], sample.reason, "{}: {done:#}", sample.name);
        assert_eq!(done["failure"]["fault"], "source", "{}: {done:#}", sample.name);
        assert_eq!(done["failure"]["stage"], "preparing", "{}: {done:#}", sample.name);
    }
    let blobs = std::fs::read_dir(stack.data.path().join("blobs")).unwrap();
    let half_written: Vec<_> = blobs
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains('#'))
        .collect();
    assert!(half_written.is_empty(), "{half_written:?}");
    stack.leaves_nothing(&[]).await;
}

/// A folder on a small disk of its own.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn of(size: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "slipway-test"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "this test mounts a small disk and has to run as root");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_uploads_is_said_and_survived() {
    let disk = SmallDisk::of("4m");
    let settings = crate::stack::one_host(&slipway_test_support::env::docker_host())
        + &format!("[blobs]\nurl = \"file://{}\"\n", disk.path().display());
    let stack = Stack::with(&settings).await;
    let url = format!("{}/api/v2/uploads", stack.daemon.url);
    let mut large = archives::honest();
    large.truncate(large.len() - 1024);
    large.extend(std::iter::repeat_n(b'x', 8 << 20));
    let answer = stack.daemon.http.post(&url).body(large).send().await.unwrap();
    assert_eq!(answer.status(), 507);
    let said: serde_json::Value = answer.json().await.unwrap();
    assert!(said["error"]["message"].as_str().unwrap().contains("full"), "{said:#}");
    // Nothing of it is left, and what fits is taken.
    let upload = stack.daemon.upload(archives::honest()).await.unwrap();
    assert!(upload.is_string());
    let files = std::fs::read_dir(disk.path()).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    // The mark, and what becomes it.
    names.retain(|name| !name.to_string_lossy().starts_with("mark"));
    assert_eq!(names.len(), 1, "{names:?}");
    stack.leaves_nothing(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_database_is_said_and_survived() {
    let disk = SmallDisk::of("12m");
    let settings = crate::stack::one_host("unix:///nowhere/docker.sock")
        + &format!("[database]\nurl = \"sqlite://{}/slipway.db\"\n", disk.path().display());
    let stack = Stack::with(&settings).await;
    let large = format!("FROM scratch\nLABEL a=\"{}\"\n", "x".repeat(200_000));
    let mut accepted = Vec::new();
    let refused = loop {
        let answer = stack
            .daemon
            .http
            .post(format!("{}/api/v2/builds", stack.daemon.url))
            .json(&build_of(&large))
            .send()
            .await
            .unwrap();
        if answer.status() != 202 {
            break answer;
        }
        let build: serde_json::Value = answer.json().await.unwrap();
        accepted.push(build["id"].as_str().unwrap().to_owned());
        assert!(accepted.len() < 100, "the disk does not fill up");
    };
    assert_eq!(refused.status(), 507);
    let said: serde_json::Value = refused.json().await.unwrap();
    assert!(said["error"]["message"].as_str().unwrap().contains("full"), "{said:#}");
    // What was accepted is there, and the daemon still answers.
    assert!(!accepted.is_empty());
    for id in &accepted {
        assert_eq!(stack.daemon.build(id).await.unwrap()["status"], "queued");
    }
}
