//! Build secrets and SSH keys: accepted, refused, and asked for again.

use serde_json::{Value, json};

use crate::server::Server;
use crate::worker::Worker;

/// A new private key, as `ssh-keygen` with these arguments makes it.
pub(crate) fn a_key(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-C", "", "-f"])
        .arg(&path)
        .args(arguments)
        .status();
    assert!(made.unwrap().success());
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn they_reach_the_worker_and_no_answer() {
    let server = Server::start().await;
    let key = a_key(&["-N", ""]);
    let brought = json!({"secrets": {"npm": "to\nken", "empty": ""}, "ssh": {"default": key}});
    let build = server.submitted(brought.clone()).await;
    let worker = Worker::start(&server).await;
    let claimed = worker.claim().await;
    assert_eq!(claimed.secrets.build["npm"].expose(), "to\nken");
    assert_eq!(claimed.secrets.build["empty"].expose(), "");
    assert_eq!(claimed.secrets.ssh["default"].expose(), key);
    let shown = server.get(&build).await.json().to_string();
    assert!(!shown.contains("npm"), "{shown}");

    // Erased with the end, so that a retry has to bring them.
    worker.finish(&claimed.lease, slipway_store::builds::Ending::Cancelled).await;
    let without = server.post(&format!("{build}/retry"), "").await;
    assert_eq!(without.status, 409, "{without:?}");
    let with = server.post(&format!("{build}/retry"), brought.to_string()).await;
    assert_eq!(with.status, 202, "{with:?}");
    assert_eq!(worker.claim().await.secrets.ssh["default"].expose(), key);
}

#[tokio::test]
async fn the_answer_warns_of_what_is_better_not_done() {
    let server = Server::start().await;
    let accepted = server
        .submit(json!({
            "args": {"NPM_TOKEN": "hunter2", "VERSION": "1", "DB_PASSWORD": "", "aws_key": "hunter2"},
            "secrets": {"long": "long enough", "bool": "true", "tiny": "abc", "none": ""},
        }))
        .await;
    assert_eq!(accepted.status, 202);
    insta::assert_json_snapshot!("warnings", accepted.json()["warnings"]);
    assert!(!accepted.json()["warnings"].to_string().contains("hunter2"));
    // The build itself has none, and neither has an answer without.
    let build = server.get(&accepted.header("location")).await.json();
    assert_eq!(build.get("warnings"), None);
    assert_eq!(server.submit(json!({})).await.json().get("warnings"), None);

    // A retry repeats what is wrong.
    let worker = Worker::start(&server).await;
    let claimed = worker.claim().await;
    worker.finish(&claimed.lease, slipway_store::builds::Ending::Cancelled).await;
    let retry = format!("{}/retry", accepted.header("location"));
    let all = json!({"long": "long enough", "bool": "long enough", "tiny": "long enough",
        "none": "long enough"});
    let again = server.post(&retry, json!({"secrets": all}).to_string()).await;
    assert_eq!(again.status, 202, "{again:?}");
    let fields: Vec<_> = again.json()["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|warning| warning["field"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(fields, ["args.NPM_TOKEN", "args.aws_key"]);
}

#[tokio::test]
async fn what_is_refused_and_why() {
    let server = Server::start().await;
    let many: Value = (0..101).map(|n| (format!("s{n}"), Value::from("x"))).collect();
    let public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIhunter2 me";
    let mut table = Vec::new();
    for body in [
        json!({"secrets": {"npm": "x".repeat(500 * 1024 + 1)}}),
        json!({"secrets": many}),
        json!({"secrets": {"hunter2 hunter2": "x"}}),
        json!({"secrets": {"hunter2/hunter2": 5}}),
        json!({"secrets": {"npm": 5}}),
        json!({"secrets": ["hunter2"]}),
        json!({"ssh": "hunter2"}),
        json!({"ssh": {"default": "hunter2"}}),
        json!({"ssh": {"default": public}}),
        json!({"ssh": {"default": a_key(&["-N", "hunter2"])}}),
        json!({"ssh": {"deploy": a_key(&["-N", "", "-t", "ecdsa", "-b", "521"])}}),
        json!({"ssh": {"deploy": a_key(&["-N", "", "-t", "rsa", "-b", "1024"])}}),
        json!({"ssh": {"": a_key(&["-N", ""])}}),
        json!({"ssh": {"default": "x".repeat(17 * 1024)}}),
    ] {
        let refused = server.submit(body).await;
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        table.push(refused.line());
    }
    insta::assert_snapshot!("refused", table.join("\n"));
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));
}
