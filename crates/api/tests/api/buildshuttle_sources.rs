//! Sources in buildshuttle's words: sent in the request, named, and given back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::{Method, redirect};
use serde_json::{Value, json};
use slipway_domain::Source;
use slipway_store::builds::Ending;

use crate::server::{Answer, Server, a_tar, answer};
use crate::worker::Worker;

const APP: &str = "56bce159-87a7-437f-bed3-2da4e44d9cf3";

fn uuid(n: u32) -> String {
    format!("56bce159-87a7-437f-bed3-2da4e44d{n:04}")
}

async fn submit(server: &Server, n: u32, sources: &str) -> Answer {
    let payload: Value = json!({
        "app": "web", "space": "prod", "build_number": n, "build_uuid": uuid(n), "app_uuid": APP,
        "sources": sources, "gm_registry_host": "r.example", "gm_registry_repo": "org",
    });
    post(server, "/", payload.to_string()).await
}

/// With patience: without optimisation, tens of megabytes take their time.
async fn post(server: &Server, path: &str, body: String) -> Answer {
    let request = server.request(Method::POST, path).timeout(Duration::from_secs(300));
    answer(request.body(body)).await
}

/// The bytes of a file as they come, its type and its length.
async fn got(server: &Server, n: u32) -> (Vec<u8>, String, String) {
    let response = server.request(Method::GET, &format!("/{}", uuid(n))).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (kind, length) = (header("content-type"), header("content-length"));
    (response.bytes().await.unwrap().to_vec(), kind, length)
}

#[tokio::test]
async fn what_was_sent_is_given_back() {
    let server = Server::start().await;
    let tar = a_tar();
    let plain: String = tar.iter().map(|byte| format!("%{byte:02X}")).collect();
    let lines: Vec<_> = STANDARD
        .encode(&tar)
        .as_bytes()
        .chunks(76)
        .map(|l| String::from_utf8_lossy(l).into_owned())
        .collect();
    let escaped = STANDARD.encode(&tar).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for (n, sources, kind) in [
        (
            1,
            format!("data:application/x-tar;base64,{}", STANDARD.encode(&tar)),
            "application/x-tar",
        ),
        (2, format!("data:;base64,{}", lines.join("\n")), "application/octet-stream"),
        (3, format!("data:base64,{}", STANDARD.encode(&tar)), "application/octet-stream"),
        (4, format!("DATA:a/b;c=d;base64,{escaped}"), "a/b;c=d"),
        (5, format!("data:,{plain}"), "application/octet-stream"),
        (6, format!("data:x/y;base64,{}", URL_SAFE_NO_PAD.encode(&tar)), "x/y"),
    ] {
        assert_eq!(submit(&server, n, &sources).await.line(), r#"200 {"status":"ok"}"#, "{n}");
        assert_eq!(got(&server, n).await, (tar.clone(), kind.to_owned(), "2048".to_owned()), "{n}");
        let head = server.request(Method::HEAD, &format!("/{}", uuid(n).to_uppercase()));
        let head = answer(head).await;
        assert_eq!((head.status, head.header("content-length").as_str()), (200, "2048"));
        assert_eq!((head.header("content-type").as_str(), head.text.as_str()), (kind, ""));
    }
}

#[tokio::test]
async fn twenty_megabytes_in_one_request() {
    let server = Server::start().await;
    let mut archive = b"\x1f\x8b\x08\x00".to_vec();
    archive.extend((0_u32..20 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    let sources = format!("data:application/gzip;base64,{}", STANDARD.encode(&archive));
    assert_eq!(submit(&server, 1, &sources).await.line(), r#"200 {"status":"ok"}"#);
    let (bytes, kind, length) = got(&server, 1).await;
    assert!(bytes == archive, "the bytes differ");
    assert_eq!((kind.as_str(), length), ("application/gzip", archive.len().to_string()));
    // The documented dialect takes the same.
    let body = json!({"source": {"url": sources}, "destination": {"image": "r.example/a:1"}});
    let taken = post(&server, "/a/b", body.to_string()).await;
    assert_eq!(taken.line(), r#"200 {"status":"OK"}"#);
}

#[tokio::test]
async fn what_was_named_is_where_it_was() {
    let server = Server::start().await;
    submit(&server, 1, "https://u:p@files.example/a.zip?signature=hunter2").await;
    let client = reqwest::Client::builder().redirect(redirect::Policy::none()).no_proxy();
    let client = client.build().unwrap();
    for method in [Method::GET, Method::HEAD] {
        let url = format!("http://{}/{}", server.address, uuid(1));
        let there = client.request(method, url).send().await.unwrap();
        assert_eq!(there.status(), 307);
        assert_eq!(there.headers()["location"], "https://files.example/a.zip");
    }
    submit(&server, 2, "docker://r.example/base:1").await;
    let gone = r#"404 {"status":"Not Found"}"#;
    assert_eq!(server.get(&format!("/{}", uuid(2))).await.line(), gone);
    assert_eq!(server.get(&format!("/{}", uuid(3))).await.line(), gone);
    assert_eq!(answer(server.request(Method::HEAD, &format!("/{}", uuid(3)))).await.status, 404);
    // What is no UUID is no build's.
    for path in ["/favicon.ico", "/56bce159", "/..%2f..%2fetc%2fpasswd"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_upload_that_was_forgotten_is_gone() {
    let server = Server::start().await;
    let sources = format!("data:a/b;base64,{}", STANDARD.encode(a_tar()));
    submit(&server, 1, &sources).await;
    let worker = Worker::start(&server).await;
    let claimed = worker.claim().await;
    worker.finish(&claimed.lease, Ending::Cancelled).await;
    let later = slipway_domain::now() + chrono::Duration::hours(1);
    let store = &server.api.store;
    assert_eq!(slipway_store::uploads::forget_unused(store, later).await.unwrap().len(), 1);
    let gone = server.get(&format!("/{}", uuid(1))).await;
    assert_eq!(gone.line(), r#"404 {"status":"Not Found"}"#);
    let again = submit(&server, 2, &format!("http://shuttle.example/{}", uuid(1))).await;
    let said = "Bad Request - sources: is that of a build whose source is gone";
    assert_eq!(again.line(), format!("400 {{\"status\":\"{said}\"}}"));
}

#[tokio::test]
async fn our_own_address_is_a_rebuild() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    submit(&server, 1, &format!("data:a/b;base64,{}", STANDARD.encode(a_tar()))).await;
    let first = worker.claim().await;
    worker.finish(&first.lease, Ending::Cancelled).await;
    submit(&server, 2, &format!("http://shuttle.example:9000/{}", uuid(1))).await;
    let again = worker.claim().await;
    worker.finish(&again.lease, Ending::Cancelled).await;
    assert_eq!(again.spec.source, first.spec.source);
    assert_eq!(got(&server, 2).await.0, a_tar());
    // What nobody submitted is an address like any other.
    submit(&server, 3, &format!("http://files.example/{}", uuid(9))).await;
    assert!(matches!(worker.claim().await.spec.source, Source::Archive { .. }));
}

#[tokio::test]
async fn what_was_refused_leaves_nothing() {
    let server = Server::start().await;
    let sources = format!("data:a/b;base64,{}", STANDARD.encode(a_tar()));
    let body = json!({
        "source": {"url": sources}, "destination": {"image": "r.example/a:1"},
        "metadata": "m".repeat(70_000),
    });
    let refused = server.post("/a/b", body.to_string()).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let cut = json!({
        "source": {"url": format!("{sources}!")}, "destination": {"image": "r.example/a:1"},
    });
    let refused = server.post("/a/b", cut.to_string()).await;
    assert_eq!(refused.line(), r#"400 {"status":"Bad Request - source.url: is not base64"}"#);
    assert!(server.blobs_left(0).await.is_empty());
}
