//! A row that cannot be read is the server's fault: whoever asks learns that much, and nothing of
//! what a parser says about it.

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::server::{Answer, Server};

/// Stands for a value that is nobody's business, and is none of any column.
const VALUE: &str = r#"{"kind": "hunter2"}"#;

async fn spoil(server: &Server, table: &str, column: &str) {
    let url = format!("sqlite://{}/rows.db", server.folder.path().display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let sql = format!("UPDATE {table} SET {column} = '{VALUE}'");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn is_internal(path: &str, answer: &Answer) {
    assert_eq!(answer.status, 500, "{path}: {answer:?}");
    let error = &answer.json()["error"];
    assert_eq!(error["code"], "internal", "{path}");
    assert_eq!(error["message"], "the server failed; its log says why", "{path}");
    for word in ["hunter2", "line", "column", "variant", "expected", "missing"] {
        assert!(!answer.text.contains(word), "{answer:?}");
    }
}

#[tokio::test]
async fn a_build_an_event_and_a_trigger() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let (_, id) = build.rsplit_once('/').unwrap();
    let trigger = json!({"name": "web", "forge": "github", "repository": "octo/*",
        "image": "r.example/{owner}/{repo}:{tag|branch}"});
    assert_eq!(server.post("/api/v2/triggers", trigger.to_string()).await.status, 201);

    spoil(&server, "events", "body").await;
    let stream = server.get(&format!("{build}/events")).await;
    assert!(!stream.text.contains("hunter2") && !stream.text.contains("column"), "{stream:?}");

    spoil(&server, "builds", "spec").await;
    for path in [&build, "/api/v2/builds", &format!("{build}/logs")] {
        is_internal(path, &server.get(path).await);
    }
    let retry = format!("{build}/retry");
    is_internal(&retry, &server.post(&retry, "").await);
    // In the words of an older service, too.
    let status = server.get(&format!("/api/v1/build/{id}/status")).await;
    assert!(status.status == 500 && !status.text.contains("hunter2"), "{status:?}");

    spoil(&server, "build_triggers", "definition").await;
    is_internal("trigger", &server.get("/api/v2/triggers/web").await);
    // The others are not to stand still for it.
    let list = server.get("/api/v2/triggers").await;
    assert_eq!(list.json()["triggers"], json!([]), "{list:?}");
}
