//! Builds that are repeated.

use reqwest::Method;
use serde_json::json;
use slipway_domain::now;
use slipway_store::uploads;

use crate::server::{Server, a_tar, answer};
use crate::worker::Worker;

#[tokio::test]
async fn a_build_that_failed_is_repeated_as_it_was() {
    let server = Server::start().await;
    let first = server.submitted(json!({"args": {"A": "1"}, "metadata": "m"})).await;
    let early = server.post(&format!("{first}/retry"), "").await;
    insta::assert_snapshot!(early.line(), @r#"409 {"error":{"code":"not_over","message":"the build is not over: queued","hint":"wait for its end, or cancel it first"}}"#);

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
    insta::assert_snapshot!(without.line(), @r#"409 {"error":{"code":"logins_erased","message":"the logins, secrets and ssh keys of this build were erased when it ended","field":"registry_auth","hint":"send them again in the body of the retry, as registry_auth, secrets, ssh and source_auth"}}"#);

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
    insta::assert_snapshot!(table.join("\n"), @r#"
    404 {"error":{"code":"no_such_build","message":"there is no build 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}
    400 {"error":{"code":"malformed_body","message":"the body is no JSON object: EOF while parsing an object at line 1 column 1"}}
    400 {"error":{"code":"unknown_field","message":"there is no such field","field":"image","hint":"the fields are registry_auth, secrets, ssh, source_auth"}}
    400 {"error":{"code":"invalid_field","message":"is missing","field":"registry_auth.r.password"}}
    "#);
}

#[tokio::test]
async fn a_retry_with_a_key_is_one_retry() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    Worker::start(&server).await.fail().await;
    let retry = || {
        let request = server.request(Method::POST, &format!("{build}/retry"));
        answer(request.header("Idempotency-Key", "again"))
    };
    let (first, second) = tokio::join!(retry(), retry());
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(first.header("location"), second.header("location"));
}

#[tokio::test]
async fn the_upload_may_be_gone() {
    let server = Server::start().await;
    let upload = server.post("/api/v2/uploads", a_tar()).await.json();
    let source = json!({"type": "upload", "id": upload["id"]});
    let build = server.submitted(json!({"source": source})).await;
    Worker::start(&server).await.fail().await;
    let later = now() + chrono::Duration::hours(1);
    assert_eq!(uploads::forget_unused(&server.api.store, later).await.unwrap().len(), 1);
    let gone = server.post(&format!("{build}/retry"), "").await;
    insta::assert_snapshot!(gone.line(), @r#"409 {"error":{"code":"upload_gone","message":"the upload of this build is gone","hint":"send the context again and submit a new build"}}"#);
}
