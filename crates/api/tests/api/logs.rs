//! The log as text.

use futures::StreamExt as _;
use reqwest::Method;
use serde_json::json;
use slipway_domain::{Stage, StepStatus};
use slipway_store::builds::Ending;

use crate::server::{Server, answer};
use crate::worker::{Worker, a_failure, a_host, line, report, step};

#[tokio::test]
async fn a_log_from_the_beginning_and_from_a_number() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    Worker::start(&server).await.succeed().await;

    let whole = server.get(&format!("{build}/logs")).await;
    insta::assert_snapshot!(whole.text, @r#"
    ==> queued
    ==> preparing on local
    ==> building on local
    #1 [1/1] RUN make
    hello
    #1 DONE 1.5s
    ==> pushing on local
    ==> purging on local
    ==> succeeded sha256:6f1a5bd2c1b4a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d
    "#);
    assert_eq!(whole.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(whole.header("x-accel-buffering"), "no");
    assert_eq!(whole.header("slipway-last-seq"), "9");
    assert_eq!(whole.header("x-content-type-options"), "nosniff");

    let rest = server.get(&format!("{build}/logs?from=7")).await.text;
    assert!(!rest.is_empty() && whole.text.ends_with(&rest), "{rest}");
    assert_eq!(server.get(&format!("{build}/logs?from=9")).await.text, "");
    assert_eq!(server.get(&format!("{build}/logs?from=999")).await.text, "");

    let head = answer(server.request(Method::HEAD, &format!("{build}/logs?follow=true"))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn a_follower_stays_until_the_end() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;

    let path = format!("{build}/logs?follow=true");
    let response = server.request(Method::GET, &path).send().await.unwrap();
    let mut chunks = response.bytes_stream();
    let mut next = async || loop {
        let chunk = chunks.next().await.map(|chunk| chunk.unwrap());
        let chunk = chunk.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap());
        // Where the claim is late in coming, it says why it waits.
        if chunk.as_ref().is_none_or(|chunk| !chunk.starts_with("==> waiting: ")) {
            break chunk;
        }
    };
    assert_eq!(next().await.unwrap(), "==> queued\n");
    let lease = worker.claim().await.lease;
    assert_eq!(next().await.unwrap(), "==> preparing on local\n");
    worker.advance(&lease, Stage::Building).await;
    assert_eq!(next().await.unwrap(), "==> building on local\n");
    worker.say(&lease, &[step(StepStatus::Started), line("hello\n")]).await;
    assert_eq!(next().await.unwrap(), "#1 [1/1] RUN make\nhello\n");
    worker.finish(&lease, Ending::Failed(a_failure())).await;
    assert_eq!(next().await.unwrap(), "==> failed: make: exit code 2\n    see the step's output\n");
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn a_follower_is_told_why_a_build_waits_and_nothing_is_written_for_it() {
    let server = Server::start().await;
    let build = server.submitted(json!({"platform": "linux/arm64"})).await;
    let path = format!("{build}/logs?follow=true");
    let response = server.request(Method::GET, &path).send().await.unwrap();
    let mut chunks = response.bytes_stream();
    let mut next = async || {
        let chunk = chunks.next().await.map(|chunk| chunk.unwrap());
        chunk.map(|chunk| String::from_utf8(chunk.to_vec()).unwrap())
    };
    assert_eq!(next().await.unwrap(), "==> queued\n");
    assert_eq!(next().await.unwrap(), "==> waiting: no worker has reported a Docker host\n");
    // Another reason is told, the same one is not told again.
    report(&server, &a_host("local")).await;
    assert_eq!(next().await.unwrap(), "==> waiting: no host for linux/arm64\n");
    server.post(&format!("{build}/cancel"), "").await;
    assert_eq!(next().await.unwrap(), "==> cancelled\n");
    assert_eq!(next().await, None);
    assert_eq!(server.get(&format!("{build}/logs")).await.text, "==> queued\n==> cancelled\n");
}

#[tokio::test]
async fn a_log_in_each_of_its_forms() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    Worker::start(&server).await.succeed().await;

    let classic = server.get(&format!("{build}/logs?format=classic")).await;
    assert_eq!(classic.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(classic.text, "Step 1/1 : RUN make\nhello\n");
    let stream = server.get(&format!("{build}/logs?format=docker-json")).await;
    assert_eq!(stream.header("content-type"), "application/json");
    assert_eq!(
        stream.text,
        "{\"stream\":\"Step 1/1 : RUN make\\n\"}\r\n{\"stream\":\"hello\\n\"}\r\n"
    );
    let lines = server.get(&format!("{build}/logs?format=jsonl&from=4")).await;
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let first: serde_json::Value =
        serde_json::from_str(lines.text.lines().next().unwrap()).unwrap();
    assert_eq!((&first["seq"], &first["text"]), (&json!(5), &json!("hello\n")));
    assert_eq!(lines.text.lines().count(), 5);

    // By Accept, where nothing is named.
    for (accept, expected) in [
        ("*/*", "text/plain; charset=utf-8"),
        ("text/html, */*;q=0.1", "text/plain; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        ("application/jsonl, text/plain;q=0.5", "application/x-ndjson"),
        ("text/plain;q=0.2, application/json", "application/json"),
        ("image/png", "text/plain; charset=utf-8"),
        ("nonsense", "text/plain; charset=utf-8"),
    ] {
        let request = server.request(Method::GET, &format!("{build}/logs"));
        let by_accept = answer(request.header("Accept", accept)).await;
        assert_eq!((by_accept.status, by_accept.header("content-type").as_str()), (200, expected));
        assert_eq!(by_accept.header("vary"), "Accept");
    }
    let request = server.request(Method::GET, &format!("{build}/logs?format=classic"));
    let named = answer(request.header("Accept", "application/json")).await;
    assert_eq!(named.text, classic.text);
}

#[tokio::test]
async fn a_long_log_comes_whole() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    let mut expected = String::new();
    for n in 0..500 {
        let text = format!("{n:05} {}\n", "x".repeat(20_000));
        worker.say(&lease, &[line(&text)]).await;
        expected.push_str(&text);
    }
    worker.finish(&lease, Ending::Cancelled).await;
    for follow in [false, true] {
        let text = server.get(&format!("{build}/logs?follow={follow}")).await.text;
        let text = text.strip_suffix("==> cancelled\n").expect("the end");
        assert!(text.ends_with(&expected), "{} of {} bytes", text.len(), expected.len());
    }
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let mut table = Vec::new();
    for query in ["from=-1", "from=x", "follow=yes", "format=html", "tail=5"] {
        table.push(server.get(&format!("{build}/logs?{query}")).await.line());
    }
    let unknown = "/api/v2/builds/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/logs";
    table.push(server.get(unknown).await.line());
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"invalid_field","message":"is not the number of an event","field":"from","hint":"give the number of the last event you have; 0 is before the first"}}
    400 {"error":{"code":"invalid_field","message":"is not the number of an event","field":"from","hint":"give the number of the last event you have; 0 is before the first"}}
    400 {"error":{"code":"invalid_field","message":"must be true or false","field":"follow"}}
    400 {"error":{"code":"invalid_field","message":"is no form of a log","field":"format","hint":"it can be text, classic, docker-json, jsonl"}}
    400 {"error":{"code":"unknown_parameter","message":"there is no such parameter","field":"tail","hint":"the parameters are from, follow, format"}}
    404 {"error":{"code":"no_such_build","message":"there is no build 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}
    "#);
}
