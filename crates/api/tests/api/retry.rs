//! Builds that are repeated.

use serde_json::json;

use crate::server::Server;
use crate::worker::Worker;

#[tokio::test]
async fn a_build_that_failed_is_repeated_as_it_was() {
    let server = Server::start().await;
    let first = server.submitted(json!({"args": {"A": "1"}, "metadata": "m"})).await;
    let early = server.post(&format!("{first}/retry"), "").await;
    insta::assert_snapshot!(early.line(), @"");

    let worker = Worker::start(&server).await;
    worker.fail().await;
    let second = server.post(&format!("{first}/retry"), "").await;
    assert_eq!(second.status, 202);
    assert_eq!(second.json()["retry_of"], server.get(&first).await.json()["id"]);
    assert_eq!(second.json()["metadata"], "m");
    assert_ne!(second.header("location"), first);

    assert_eq!(worker.claim().await.spec.args["A"], "1");
    // The old one stays as it ended.
    assert_eq!(server.get(&first).await.json()["status"], "failed");
}

#[tokio::test]
async fn logins_have_to_come_again() {
    let server = Server::start().await;
    let login = json!({"registry_auth": {"r.example": {"username": "u", "password": "p"}}});
    let build = server.submitted(login.clone()).await;
    let worker = Worker::start(&server).await;
    worker.fail().await;

    let without = server.post(&format!("{build}/retry"), "{}").await;
    insta::assert_snapshot!(without.line(), @"");

    let with = server.post(&format!("{build}/retry"), login.to_string()).await;
    assert_eq!(with.status, 202);
    assert_eq!(worker.claim().await.secrets.registry_auth.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_repeated() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    Worker::start(&server).await.fail().await;
    let unknown = "/api/v2/builds/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/retry";
    let mut table = vec![server.post(unknown, "").await.line()];
    for body in ["{", r#"{"image": "other"}"#, r#"{"registry_auth": {"r": {"username": "u"}}}"#] {
        table.push(server.post(&format!("{build}/retry"), body).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @"");
}
