//! What it takes to get a source, at the door.

use serde_json::json;

use crate::build_secrets::a_key;
use crate::server::Server;

#[tokio::test]
async fn what_no_source_can_use_is_refused_by_its_field() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for (url, auth) in [
        ("https://h.example/a.tgz", json!({"token": ""})),
        ("https://h.example/a.tgz", json!({"username": "", "password": ""})),
        ("https://h.example/a.tgz", json!({"username": "u", "password": ""})),
        ("https://h.example/a.tgz", json!({"username": "u"})),
        ("https://h.example/a.tgz", json!({"token": "hunter2\n"})),
        ("https://h.example/a.tgz", json!({"ssh_key": "hunter2"})),
        ("https://u:hunter2@h.example/a.tgz", json!({"username": "u", "password": "hunter2"})),
        ("https://u:hunter2@h.example/a.tgz", json!({"token": "hunter2"})),
        (
            "https://u:hunter2@h.example/a.tgz",
            json!({"headers": {"Authorization": "Bearer hunter2"}}),
        ),
    ] {
        let source = json!({"type": "archive", "url": url, "auth": auth});
        let body = json!({"image": "app", "source": source}).to_string();
        table.push(server.post("/api/v2/builds", body).await.line());
    }
    let table = table.join("\n");
    assert!(!table.contains("hunter2"), "{table}");
    insta::assert_snapshot!(table, @r#"
    400 {"error":{"code":"invalid_field","message":"is empty, as of a variable that is not set","field":"source.auth.token","hint":"leave it out where the source wants none"}}
    400 {"error":{"code":"invalid_field","message":"is empty, as of a variable that is not set","field":"source.auth.username"}}
    400 {"error":{"code":"invalid_field","message":"is empty, as of a variable that is not set","field":"source.auth.password","hint":"leave it out where the source wants none"}}
    400 {"error":{"code":"invalid_field","message":"is missing beside the username","field":"source.auth.password"}}
    400 {"error":{"code":"invalid_field","message":"has a control character in it, such as a newline","field":"source.auth.token"}}
    400 {"error":{"code":"invalid_field","message":"is for repositories by ssh, not for archives","field":"source.auth.ssh_key"}}
    400 {"error":{"code":"invalid_field","message":"is given, and the address has a login, too; give one","field":"source.auth.username"}}
    400 {"error":{"code":"invalid_field","message":"is given beside a login; give one of them","field":"source.auth.token"}}
    400 {"error":{"code":"invalid_field","message":"has authorization beside a login or a token; give one","field":"source.auth.headers"}}
    "#);
}

#[tokio::test]
async fn headers_that_frame_a_request_are_refused_by_name() {
    let server = Server::start().await;
    for name in ["Host", "RANGE", "content-length", "Transfer-Encoding", "Connection", "te"] {
        let source = json!({
            "type": "archive",
            "url": "https://h.example/a.tgz",
            "auth": {"headers": {name: "hunter2"}},
        });
        let body = json!({"image": "app", "source": source}).to_string();
        let refused = server.post("/api/v2/builds", body).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let error = refused.json()["error"].clone();
        assert_eq!(error["field"], format!("source.auth.headers.{name}"));
        assert!(error["message"].as_str().unwrap().contains("set by slipway itself"), "{error}");
        assert!(!error.to_string().contains("hunter2"));
    }
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));
}

#[tokio::test]
async fn an_ssh_key_with_a_passphrase_is_refused_at_the_door() {
    let server = Server::start().await;
    let with = |key: String| {
        let source = json!({
            "type": "git",
            "url": "git@git.example:team/app.git",
            "known_hosts": "git.example ssh-ed25519 AAAA",
            "auth": {"ssh_key": key},
        });
        server.post("/api/v2/builds", json!({"image": "app", "source": source}).to_string())
    };
    let refused = with(a_key(&["-N", "hunter2"])).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let error = refused.json()["error"].clone();
    assert_eq!(error["field"], "source.auth.ssh_key");
    assert!(error["message"].as_str().unwrap().contains("passphrase"), "{error}");
    assert!(!format!("{refused:?}").contains("PRIVATE KEY"));
    assert_eq!(with(a_key(&["-N", ""])).await.status, 202);
}
