//! generator's logs: a chunk at a time, and over a WebSocket.

use std::time::Duration;

use futures::future::join_all;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use slipway_domain::EventBody;
use slipway_domain::{LogStream, Stage, StepStatus};
use slipway_store::builds::Ending;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::Server;
use crate::worker::{Worker, a_failure, line, step};

const PATIENCE: Duration = Duration::from_secs(60);

/// A follower's end of a WebSocket.
struct Follower(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Follower {
    async fn of(server: &Server, id: &str) -> Self {
        let url = format!("ws://{}/b1/build/log/ws/{id}", server.address);
        Self(connect_async(url).await.unwrap().0)
    }

    /// The next frame: its text, or the code that the server closes with.
    async fn next(&mut self) -> String {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("a frame in time");
            match message.expect("a close before the end").unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Close(frame) => {
                    return format!("close {}", u16::from(frame.expect("a code").code));
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Frame(_)) => panic!("{other:?}"),
            }
        }
    }

    /// All that comes, the close included.
    async fn rest(&mut self) -> Vec<String> {
        let mut frames = Vec::new();
        loop {
            frames.push(self.next().await);
            if frames.last().is_some_and(|last| last.starts_with("close ")) {
                return frames;
            }
        }
    }
}

/// Submits as generator's clients do and gives the id.
async fn submitted(server: &Server) -> String {
    server.get("/b1/build?imagename=r.example/app&dockerfile=RlJPTSBzY3JhdGNoCg").await.text
}

async fn chunk(server: &Server, id: &str, number: usize) -> String {
    let answer = server.get(&format!("/b1/build/log/http/{id}?count={number}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    answer.text
}

/// All chunks as a client gets them that asks until the end.
async fn polled(server: &Server, id: &str) -> Vec<String> {
    let mut chunks = Vec::new();
    loop {
        let next = chunk(server, id, chunks.len()).await;
        assert!(!next.is_empty(), "the build is over: {chunks:?}");
        if next == "bye" {
            return chunks;
        }
        chunks.push(next);
    }
}

#[tokio::test]
async fn who_polls_sees_a_build_through() {
    let server = Server::start().await;
    let id = submitted(&server).await;
    assert_eq!(chunk(&server, &id, 0).await, "");
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    assert_eq!(chunk(&server, &id, 0).await, "");
    worker.say(&lease, &[step(StepStatus::Started), line("one\ntwo \"2\"\n")]).await;
    let mut seen = Vec::new();
    for number in 0..3 {
        seen.push(chunk(&server, &id, number).await);
    }
    // Nothing yet, and not the end either.
    assert_eq!(chunk(&server, &id, 3).await, "");
    assert_eq!(chunk(&server, &id, 99).await, "");
    worker.say(&lease, &[line("three\n")]).await;
    seen.push(chunk(&server, &id, 3).await);
    worker.finish(&lease, Ending::Failed(a_failure())).await;
    seen.push(chunk(&server, &id, 4).await);
    for number in [5, 6, 1000] {
        assert_eq!(chunk(&server, &id, number).await, "bye");
    }
    insta::assert_snapshot!(seen.concat().replace("\r\n", "␍\n"), @r#"
    {"stream":"Step 1/1 : RUN make\n"}␍
    {"stream":"one\n"}␍
    {"stream":"two \"2\"\n"}␍
    {"stream":"three\n"}␍
    {"errorDetail":{"message":"make: exit code 2"},"error":"make: exit code 2"}␍
    "#);
    // The same in any order, and of a server that has not been asked before.
    for number in [4, 0, 3, 1, 2] {
        assert_eq!(chunk(&server, &id, number).await, seen[number]);
    }
    assert_eq!(polled(&server, &id).await, seen);
    let mut follower = Follower::of(&server, &id).await;
    let mut frames = follower.rest().await;
    assert_eq!(frames.split_off(seen.len()), ["bye", "close 1000"]);
    assert_eq!(frames, seen);
    // With hyphens, as the native API spells it.
    let hyphens = uuid::Uuid::parse_str(&id).unwrap().to_string();
    assert_eq!(chunk(&server, &hyphens, 0).await, seen[0]);
}

#[tokio::test]
async fn a_long_log_by_several_who_poll() {
    let server = Server::start().await;
    let id = submitted(&server).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    for event in 0..200 {
        // Some events have several lines, some nothing for this log.
        let lines: String = (0..event % 4).map(|n| format!("{event}.{n}\n")).collect();
        let mut bodies = vec![step(StepStatus::Completed)];
        if !lines.is_empty() {
            bodies.push(line(&lines));
        }
        worker.say(&lease, &bodies).await;
    }
    worker.finish(&lease, Ending::Cancelled).await;
    let (one, other) = tokio::join!(polled(&server, &id), polled(&server, &id));
    assert_eq!(one, other);
    let expected = (0..200).flat_map(|event| (0..event % 4).map(move |n| format!("{event}.{n}\n")));
    let texts: Vec<_> = one
        .iter()
        .map(|chunk| serde_json::from_str::<Value>(chunk).unwrap())
        .filter_map(|chunk| chunk["stream"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(texts, expected.collect::<Vec<_>>());
    assert_eq!(chunk(&server, &id, 150).await, one[150]);
    assert_eq!(chunk(&server, &id, 3).await, one[3]);
}

#[tokio::test]
async fn what_no_log_is_asked_with() {
    let server = Server::start().await;
    let id = submitted(&server).await;
    let mut table = Vec::new();
    for path in [
        format!("http/{id}"),
        format!("http/{id}?count="),
        format!("http/{id}?count=-1"),
        format!("http/{id}?count=one"),
        "http/0197a3c45d6e7f809a1b2c3d4e5f6071?count=0".into(),
        "http/x?count=0".into(),
        format!("ws/{id}"),
    ] {
        table.push(server.get(&format!("/b1/build/log/{path}")).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 count: is missing
    400 count: is missing
    400 count: must be the number of a chunk, from 0 on
    400 count: must be the number of a chunk, from 0 on
    404 invalid id ...
    404 invalid id ...
    426 this path is a WebSocket; open it as ws://… or wss://…; proxies must pass Upgrade and Connection on
    "#);
}

#[tokio::test]
async fn a_follower_from_the_queue_to_the_end() {
    let server = Server::start().await;
    let id = submitted(&server).await;
    let mut follower = Follower::of(&server, &id).await;
    assert_eq!(follower.next().await, "waitting build ...");
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    worker.say(&lease, &[step(StepStatus::Started), line("one\ntwo\n")]).await;
    let mut frames = vec![follower.next().await, follower.next().await, follower.next().await];
    // Another one comes in the middle, and is not told that it waits.
    let mut late = Follower::of(&server, &id).await;
    assert_eq!(late.next().await, frames[0]);
    // One ends; the other goes on.
    late.0.close(None).await.unwrap();
    drop(late);
    worker.say(&lease, &[line("three\n")]).await;
    worker.advance(&lease, Stage::Pushing).await;
    let progress = "888ef4bed48c: Pushed\n1: digest: sha256:00 size: 527\n".to_owned();
    let progress = EventBody::Log { step: None, stream: LogStream::Progress, text: progress };
    worker.say(&lease, &[progress]).await;
    worker.advance(&lease, Stage::Purging).await;
    worker.finish(&lease, Ending::Succeeded).await;
    frames.extend(follower.rest().await);
    insta::assert_snapshot!(frames.join("\n").replace('\r', "␍"), @r#"
    {"stream":"Step 1/1 : RUN make\n"}␍

    {"stream":"one\n"}␍

    {"stream":"two\n"}␍

    {"stream":"three\n"}␍

    {"status":"Pushed","id":"888ef4bed48c"}␍

    {"status":"1: digest: sha256:00 size: 527"}␍

    bye
    close 1000
    "#);
}

#[tokio::test]
async fn an_id_that_is_none() {
    let server = Server::start().await;
    for id in ["0197a3c45d6e7f809a1b2c3d4e5f6071", "x"] {
        let frames = Follower::of(&server, id).await.rest().await;
        assert_eq!(frames, ["invalid id ...", "close 1000"]);
    }
}

#[tokio::test]
async fn a_follower_is_sent_away_when_the_server_stops() {
    let server = Server::start().await;
    let id = submitted(&server).await;
    let mut follower = Follower::of(&server, &id).await;
    assert_eq!(follower.next().await, "waitting build ...");
    server.api.stopping.cancel();
    assert_eq!(follower.next().await, "close 1001");
}

/// Shakes hands by hand.
async fn raw(server: &Server, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "GET /b1/build/log/ws/{id} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    stream
}

#[tokio::test]
async fn clients_without_manners() {
    let server = Server::start().await;
    let id = submitted(&server).await;
    let mut good = Follower::of(&server, &id).await;
    assert_eq!(good.next().await, "waitting build ...");

    // No frames at all, a frame that is not masked, and one of no kind that there is: closed for
    // breaking the rules.
    let garbage =
        [&b"GET / HTTP/1.1\r\n\r\n\xff\xff\xff\xff"[..], b"\x81\x05hello", b"\xff\xff\xff"];
    join_all(garbage.map(async |garbage| {
        let mut stream = raw(&server, &id).await;
        stream.write_all(garbage).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("hung up").unwrap();
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains("waitting build ..."), "{text:?}");
        // A close with 1002, and the reason after it.
        let closed = |bytes: &[u8]| bytes[0] == 0x88 && bytes[2..] == [0x03, 0xea];
        assert!(answer.windows(4).any(closed), "{answer:?}");
    }))
    .await;
    // Talks all the time, asks for pongs, and is not listened to.
    let mut talker = Follower::of(&server, &id).await;
    for _ in 0..200 {
        talker.0.send(Message::text("x".repeat(10_000))).await.unwrap();
        talker.0.send(Message::binary(vec![0; 100])).await.unwrap();
        talker.0.send(Message::Ping(vec![7].into())).await.unwrap();
    }
    assert_eq!(talker.next().await, "waitting build ...");
    // Never reads, while there is more to read than fits anywhere.
    let silent = raw(&server, &id).await;

    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    let long = format!("{}\n", "y".repeat(60_000));
    let writing = async {
        for _ in 0..200 {
            worker.say(&lease, &[line(&long)]).await;
        }
        worker.finish(&lease, Ending::Cancelled).await;
    };
    // These two read meanwhile: however long the writing takes, they are not taken for clients
    // that have stopped reading.
    let ((), good, talker) = tokio::join!(writing, good.rest(), talker.rest());
    for frames in [good, talker] {
        assert_eq!(frames.len(), 203, "{:?}", frames.last());
        assert_eq!(frames[frames.len() - 2..], ["bye", "close 1000"]);
        assert_eq!(serde_json::from_str::<Value>(&frames[0]).unwrap(), json!({"stream": long}));
    }
    assert_eq!(server.get("/health/live").await.status, 200);
    drop(silent);
}
