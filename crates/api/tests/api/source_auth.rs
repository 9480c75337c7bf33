//! What it takes to get a source, at the door.

use serde_json::json;

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
    400 {"error":{"code":"invalid_field","message":"is given, and source.url has a login, too; give one","field":"source.auth.username"}}
    400 {"error":{"code":"invalid_field","message":"is given beside a login; give one of them","field":"source.auth.token"}}
    400 {"error":{"code":"invalid_field","message":"has authorization beside a login or a token; give one","field":"source.auth.headers"}}
    "#);
}
