//! Builds as they happen, over a WebSocket.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::{Hosts, Limits, Serving};
use slipway_domain::Stage;
use slipway_store::builds::Ending;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::events::EventSource;
use crate::server::{Server, answer};
use crate::worker::{Worker, line};

/// A client, as somebody else's library has it.
pub(crate) struct Client(WebSocketStream<TcpStream>);

impl Client {
    pub(crate) async fn open(server: &Server, path: &str) -> Self {
        Self::open_if_it_can(server, path).await.expect("a server that can")
    }

    /// `None` where the server says that it cannot for now.
    pub(crate) async fn open_if_it_can(server: &Server, path: &str) -> Option<Self> {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Some(Self(socket)),
            Err(Error::Http(response)) if response.status() == 503 => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn next(&mut self) -> Message {
        let next = tokio::time::timeout(Duration::from_secs(60), self.0.next()).await;
        next.unwrap().unwrap().unwrap()
    }

    /// The next event, whatever else is said before it.
    async fn event(&mut self) -> Value {
        loop {
            let said = self.said().await;
            if said["seq"].is_i64() {
                return said;
            }
        }
    }

    /// The next text.
    async fn said(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.next().await {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next text, if one comes before the end.
    pub(crate) async fn text(&mut self) -> Option<String> {
        loop {
            match self.next().await {
                Message::Text(text) => return Some(text.to_string()),
                Message::Close(reason) => {
                    assert_eq!(reason.unwrap().code, CloseCode::Normal);
                    return None;
                }
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }

    /// All texts to the end, and how it closed.
    pub(crate) async fn rest(&mut self) -> (Vec<String>, String) {
        let mut texts = Vec::new();
        loop {
            match self.next().await {
                Message::Text(text) => texts.push(text.to_string()),
                Message::Close(Some(reason)) => {
                    return (texts, format!("{} {}", u16::from(reason.code), reason.reason));
                }
                Message::Close(None) => return (texts, "no reason".into()),
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }

    /// How long the server takes to hang up.
    async fn hung_up(&mut self) -> Duration {
        let began = Instant::now();
        while let Some(Ok(_)) = self.0.next().await {}
        began.elapsed()
    }

    async fn raw(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }
}

/// A frame as a client sends it, masked with zeros.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode, 0x80 | u8::try_from(payload.len()).unwrap(), 0, 0, 0, 0];
    bytes.extend_from_slice(payload);
    bytes
}

#[tokio::test]
async fn a_build_from_its_first_event_to_its_last() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    Worker::start(&server).await.succeed().await;

    let messages = EventSource::open(&server, &build, None).await.rest().await;
    let (end, events) = messages.split_last().unwrap();
    assert_eq!(end.event, "end");
    let expected: Vec<String> = events.iter().map(|message| message.data.clone()).collect();
    for from in [0, 1, 5, 8] {
        let mut client = Client::open(&server, &format!("{build}/ws?from={from}")).await;
        let (texts, closed) = client.rest().await;
        assert_eq!(texts, expected[from..]);
        assert_eq!(closed, "1000 the build is over");
    }
    // There is nothing after the end.
    for from in [9, 10, 1_000_000] {
        let mut client = Client::open(&server, &format!("{build}/ws?from={from}")).await;
        assert_eq!(client.rest().await, (Vec::new(), "1000 the build is over".to_owned()));
    }
}

#[tokio::test]
async fn live_and_from_beyond_the_end_of_a_build_that_runs() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let mut client = Client::open(&server, &format!("{build}/ws")).await;
    assert_eq!(client.event().await["status"], "queued");
    let waiting = client.said().await;
    assert_eq!(waiting["kind"], "waiting");
    assert_eq!(waiting["reason"], "no worker has reported a Docker host");
    assert_eq!(waiting["position"], 0);

    let worker = Worker::start(&server).await;
    let mut ahead = Client::open(&server, &format!("{build}/ws?from=1000")).await;
    let lease = worker.claim().await.lease;
    // A place that is none yet is where the build stands.
    for client in [&mut client, &mut ahead] {
        let event = client.event().await;
        assert_eq!((&event["seq"], &event["status"]), (&json!(2), &json!("preparing")));
    }
    worker.advance(&lease, Stage::Building).await;
    worker.say(&lease, &[line(&"é".repeat(50_000))]).await;
    worker.finish(&lease, Ending::Cancelled).await;
    let (texts, closed) = client.rest().await;
    let log: Value = serde_json::from_str(&texts[1]).unwrap();
    assert_eq!(log["text"], "é".repeat(50_000));
    assert_eq!((texts.len(), closed.as_str()), (3, "1000 the build is over"));
    assert_eq!(ahead.rest().await.0, texts);
    drop((client, ahead));
    server.nobody_follows().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_before_the_upgrade() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let own = format!("http://{}", server.address);
    let unknown = "/api/v2/builds/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/ws";
    let mut table = Vec::new();
    for (path, left_out, header, value) in [
        (format!("{build}/ws"), "", "Origin", own.as_str()),
        (format!("{build}/ws"), "", "Origin", "https://ui.example"),
        (format!("{build}/ws"), "", "Origin", "https://evil.example"),
        (format!("{build}/ws"), "", "Origin", "null"),
        (format!("{build}/ws"), "Upgrade", "X-None", ""),
        (format!("{build}/ws"), "Connection", "X-None", ""),
        (format!("{build}/ws"), "Sec-WebSocket-Version", "Sec-WebSocket-Version", "8"),
        (format!("{build}/ws"), "Sec-WebSocket-Key", "Sec-WebSocket-Key", "short"),
        (format!("{build}/ws?from=x"), "", "X-None", ""),
        (format!("{build}/ws?from=-1"), "", "X-None", ""),
        (format!("{build}/ws?since=1"), "", "X-None", ""),
        (unknown.to_owned(), "", "X-None", ""),
    ] {
        // A connection of its own: one that was refused an upgrade is closed.
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("http://{}{path}", server.address);
        let mut request = client.request(Method::GET, url).header(header, value);
        for (name, value) in [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ] {
            if name != left_out {
                request = request.header(name, value);
            }
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        if status == 101 {
            table.push("101".to_owned());
            continue;
        }
        let version = response.headers().get("sec-websocket-version").cloned();
        let version = version.map_or(String::new(), |v| format!("{} ", v.to_str().unwrap()));
        let error: Value = response.json().await.unwrap();
        let (code, message) = (&error["error"]["code"], &error["error"]["message"]);
        table.push(format!("{status} {version}{}: {}", code, message));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    101
    101
    403 "origin_refused": "pages of \"https://evil.example\" may not open a WebSocket here"
    403 "origin_refused": "pages of \"null\" may not open a WebSocket here"
    426 13 "not_a_websocket": "this path is a WebSocket"
    426 13 "not_a_websocket": "this path is a WebSocket"
    426 13 "not_a_websocket": "this path is a WebSocket"
    400 "malformed_handshake": "the Sec-WebSocket-Key is no key"
    400 "invalid_field": "is not the number of an event"
    400 "invalid_field": "is not the number of an event"
    400 "unknown_parameter": "there is no such parameter"
    404 "no_such_build": "there is no build 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"
    "#);
    let plain = server.get(&format!("{build}/ws")).await;
    assert_eq!((plain.status, plain.header("upgrade").as_str()), (426, "websocket"));
    assert_eq!(answer(server.request(Method::POST, &format!("{build}/ws"))).await.status, 405);
}

#[tokio::test]
async fn garbage_is_answered_with_its_code_and_hurts_nobody() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    let path = format!("{build}/ws?from=2");
    let mut bystander = Client::open(&server, &path).await;

    let mut large = vec![0x81, 0xff];
    large.extend_from_slice(&(1_u64 << 40).to_be_bytes());
    large.extend_from_slice(&[0; 8000]);
    let mut table = Vec::new();
    for (what, bytes) in [
        ("not masked", vec![0x81, 0x02, b'h', b'i']),
        ("a reserved opcode", frame(0x3, b"")),
        ("a terabyte", large),
        ("binary", frame(0x2, b"\0\x01")),
        ("no UTF-8", frame(0x1, b"\xff\xfe")),
        ("a continuation of nothing", frame(0x0, b"x")),
        ("goodbye", frame(0x8, &1000_u16.to_be_bytes())),
        ("words", [frame(0x1, b"hello"), frame(0x8, &1001_u16.to_be_bytes())].concat()),
    ] {
        let mut client = Client::open(&server, &path).await;
        client.raw(&bytes).await;
        table.push(format!("{what}: {}", client.rest().await.1.trim()));
    }
    insta::assert_snapshot!(table.join("\n"), @r"
    not masked: 1002 Received an unmasked frame from client
    a reserved opcode: 1002 Invalid opcode (3)
    a terabyte: 1009 a frame is larger than 4096 bytes
    binary: 1003 binary frames are not understood
    no UTF-8: 1007 a text frame is no UTF-8
    a continuation of nothing: 1002 Continuation has not started
    goodbye: 1000
    words: 1001
    ");

    // One that talks without end, one that hangs up in the middle of a frame, and pings.
    let mut talker = Client::open(&server, &path).await;
    for _ in 0..2000 {
        talker.raw(&frame(0x1, &[b'x'; 125])).await;
    }
    Client::open(&server, &path).await.raw(&[0x81]).await;
    bystander.0.send(Message::Ping(b"are you there"[..].into())).await.unwrap();
    let mut said = bystander.next().await;
    while matches!(said, Message::Ping(_)) {
        said = bystander.next().await;
    }
    assert_eq!(said, Message::Pong(b"are you there"[..].into()));
    worker.finish(&lease, Ending::Cancelled).await;
    for client in [&mut bystander, &mut talker] {
        let (texts, closed) = client.rest().await;
        assert_eq!((texts.len(), closed.as_str()), (1, "1000 the build is over"));
    }
}

#[tokio::test]
async fn who_said_goodbye_is_not_kept_waiting() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let (mut left, mut stayed) = (Vec::new(), Vec::new());
    let is_quick = |took: &Vec<Duration>| took.iter().any(|took| *took < Duration::from_secs(1));
    // One time is enough: a machine may be busy with something else for as long.
    while !is_quick(&left) || !is_quick(&stayed) {
        assert!(left.len() < 5, "{left:?} {stayed:?}");
        let path = format!("{}/ws", server.submitted(json!({})).await);
        let (mut leaves, mut stays) =
            (Client::open(&server, &path).await, Client::open(&server, &path).await);
        leaves.event().await;
        leaves.0.close(None).await.unwrap();
        left.push(leaves.hung_up().await);
        let lease = worker.claim().await.lease;
        worker.finish(&lease, Ending::Cancelled).await;
        // Its library answers the goodbye when it is asked for more.
        assert_eq!(stays.rest().await.1, "1000 the build is over");
        stayed.push(stays.hung_up().await);
    }
}

#[tokio::test]
async fn a_silent_build_is_kept_alive_by_pings() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    worker.claim().await;
    let mut client = Client::open(&server, &format!("{build}/ws?from=2")).await;
    let ping = tokio::time::timeout(Duration::from_secs(60), client.next()).await.unwrap();
    assert!(matches!(ping, Message::Ping(_)), "{ping:?}");
}

#[tokio::test]
async fn a_server_that_stops_sends_its_followers_elsewhere() {
    let serving = Serving { grace: Duration::from_secs(120), ..Serving::default() };
    let mut server = Server::serving(Limits::default(), Hosts::default(), serving).await;
    let build = server.submitted(json!({})).await;
    // One that waits would say why by and by.
    Worker::start(&server).await.claim().await;
    let mut client = Client::open(&server, &format!("{build}/ws")).await;
    for seq in [1, 2] {
        assert_eq!(client.event().await["seq"], seq);
    }
    let began = Instant::now();
    server.api.stopping.cancel();
    let (texts, closed) = client.rest().await;
    assert_eq!(texts, [""; 0]);
    assert_eq!(
        closed,
        format!("{} this server is stopping; go on with from=2", u16::from(CloseCode::Away))
    );
    drop(client);
    (&mut server.task).await.unwrap().unwrap();
    assert!(began.elapsed() < serving.grace / 2, "{:?}", began.elapsed());
}

/// Of those who never read, nobody would ever know: the kernel cuts them off.
#[tokio::test]
async fn a_client_that_never_reads_is_cut_off() {
    let serving = Serving { unread: Duration::from_secs(1), ..Serving::default() };
    let server = Server::serving(Limits::default(), Hosts::default(), serving).await;
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    let mut silent = Vec::new();
    for path in ["ws", "events", "logs?follow=true"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let upgrade = if path == "ws" { upgrade } else { "" };
        let head = format!("GET {build}/{path} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        silent.push(stream);
    }
    // More than what lies between the two: 32 MB.
    let text = format!("{}\n", "x".repeat(64 * 1024));
    for _ in 0..64 {
        worker.say(&lease, &vec![line(&text); 8]).await;
    }
    server.nobody_follows().await;
    for stream in &mut silent {
        // What was on its way, and then no more of it.
        let mut rest = Vec::new();
        let read = stream.read_to_end(&mut rest);
        let _ = tokio::time::timeout(Duration::from_secs(60), read).await.unwrap();
        assert!(rest.len() < 32 << 20, "{}", rest.len());
    }
}
