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
    insta::assert_snapshot!(without.line(), @r#"409 {"error":{"code":"logins_erased","message":"registry_auth.r.example of this build were erased when it ended","field":"registry_auth.r.example","hint":"send them again in the body of the retry; source_url is the whole address of the source, with a query and a login where it has them"}}"#);

    let with = server.post(&format!("{build}/retry"), login.to_string()).await;
    assert_eq!(with.status, 202);
    assert_eq!(worker.claim().await.secrets.registry_auth.len(), 1);
}

#[tokio::test]
async fn a_retry_that_brings_some_of_the_secrets_is_told_which_are_missing() {
    let server = Server::start().await;
    let all = json!({
        "secrets": {"npm": "hunter2", "pip": "hunter2"},
        "registry_auth": {"r.example": {"username": "u", "password": "hunter2"}},
        "source": {"type": "archive", "url": "https://h.example/a.tgz", "auth": {
            "token": "hunter2", "headers": {"X-Key": "hunter2"}}},
    });
    let build = server.submitted(all.clone()).await;
    let worker = Worker::start(&server).await;
    worker.fail().await;
    let retry = format!("{build}/retry");
    let some = json!({"secrets": {"npm": "hunter2"}, "source_auth": {"token": "hunter2"}});
    let refused = server.post(&retry, some.to_string()).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    let error = refused.json()["error"].clone();
    assert_eq!(error["code"], "logins_erased");
    assert_eq!(error["field"], "registry_auth.r.example");
    assert_eq!(
        error["message"],
        "registry_auth.r.example, secrets.pip, source_auth.headers.x-key of this build were \
         erased when it ended"
    );
    // A login does as well as a token, and more than there was is no harm.
    let whole = json!({
        "secrets": {"npm": "hunter2", "pip": "hunter2", "new": "hunter2"},
        "registry_auth": all["registry_auth"],
        "source_auth": {"username": "u", "password": "hunter2", "headers": {"x-key": "hunter2"}},
    });
    let again = server.post(&retry, whole.to_string()).await;
    assert_eq!(again.status, 202, "{again:?}");
    let claimed = worker.claim().await;
    assert_eq!(claimed.secrets.build.len(), 3);
    assert!(!format!("{claimed:?} {refused:?} {again:?}").contains("hunter2"));

    // The retry can be retried, by what it brought itself.
    worker.finish(&claimed.lease, slipway_store::builds::Ending::Cancelled).await;
    let third = format!("{}/retry", again.header("location"));
    let refused = server.post(&third, some.to_string()).await.json();
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("secrets.new") && message.contains("secrets.pip"), "{message}");
}

#[tokio::test]
async fn a_signed_address_has_to_come_again() {
    let server = Server::start().await;
    let signed = |query: &str| format!("https://h.example/a.tgz?X-Signature={query}");
    let source = json!({"type": "archive", "url": signed("hunter2")});
    let build = server.submitted(json!({"source": source})).await;
    let worker = Worker::start(&server).await;
    worker.fail().await;
    let retry = format!("{build}/retry");
    let with = |url: &str| server.post(&retry, json!({"source_url": url}).to_string());

    let refused = server.post(&retry, "").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert_eq!(refused.json()["error"]["field"], "source_url");
    // Bare, it is another file to whoever signed it.
    assert_eq!(with("https://h.example/a.tgz").await.status, 409);
    for other in ["https://h.example/b.tgz?X-Signature=hunter2", "nonsense", "ssh://git@h/a"] {
        let refused = with(other).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.json()["error"]["field"], "source_url");
        assert!(!format!("{refused:?}").contains("hunter2"));
    }
    let again = with(&signed("new")).await;
    assert_eq!(again.status, 202, "{again:?}");
    let claimed = worker.claim().await;
    assert_eq!(claimed.secrets.source.url.unwrap().expose(), signed("new"));

    // Others have no address that hides anything.
    let build = server.submitted(json!({})).await;
    worker.fail().await;
    let refused =
        server.post(&format!("{build}/retry"), r#"{"source_url": "https://h/a?b"}"#).await;
    assert_eq!(refused.json()["error"]["message"], "is not for a source of type dockerfile");
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
    400 {"error":{"code":"malformed_body","message":"the body is no JSON object: line 1, column 1: it ends before its end"}}
    400 {"error":{"code":"unknown_field","message":"there is no such field","field":"image","hint":"the fields are registry_auth, secrets, ssh, source_auth, source_url, followers"}}
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
