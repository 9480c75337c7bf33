//! Followers of every kind, cut off again and again while a build prints: each of them ends
//! with the same bytes.
//!
//! A short storm by default; `make storm` has the long one. `SLIPWAY_STORM_FOLLOWERS`,
//! `SLIPWAY_STORM_LINES` and `SLIPWAY_STORM_SECONDS` say how many, how much and how long.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use slipway_domain::Stage;
use slipway_store::builds::Ending;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use crate::server::Server;
use crate::socket::Client;
use crate::worker::{Worker, line};

#[derive(Debug, Clone, Copy)]
enum Kind {
    Messages,
    Socket,
    Chunks,
}

/// What a follower has.
struct Seen {
    last: i64,
    hash: Sha256,
    connections: u32,
}

impl Seen {
    /// Takes an event as it came; whatever has no number is none.
    fn take(&mut self, json: &str) {
        let Some(seq) = serde_json::from_str::<Value>(json).unwrap()["seq"].as_i64() else {
            return;
        };
        assert_eq!(seq, self.last + 1, "after {} connections", self.connections);
        self.last = seq;
        self.hash.update(json);
    }

    fn digest(self) -> Vec<u8> {
        self.hash.finalize().to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_are_cut_off_and_come_back_end_with_the_same() {
    let number =
        |name: &str, usual: u64| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let followers = number("SLIPWAY_STORM_FOLLOWERS", 45);
    let lines = number("SLIPWAY_STORM_LINES", 10_000);
    let lasts = Duration::from_secs(number("SLIPWAY_STORM_SECONDS", 5));
    let cut = lasts.min(Duration::from_secs(60)) / 60 + Duration::from_millis(100);

    let server = Arc::new(Server::start().await);
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    let following: Vec<_> = (0..followers)
        .map(|place| {
            let kind = match place % 3 {
                0 => Kind::Messages,
                1 => Kind::Socket,
                _ => Kind::Chunks,
            };
            let (server, build) = (Arc::clone(&server), build.clone());
            tokio::spawn(async move { follow(&server, &build, kind, cut).await })
        })
        .collect();

    // As a worker writes it: a batch each quarter of a second.
    let batches = u64::try_from(lasts.as_millis() / 250).unwrap().max(1);
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    for batch in 0..batches {
        tick.tick().await;
        let text: String = (lines * batch / batches..lines * (batch + 1) / batches)
            .map(|number| format!("line {number} of the storm\n"))
            .collect();
        worker.say(&lease, &[line(&text)]).await;
    }
    worker.finish(&lease, Ending::Cancelled).await;

    let mut whole = Seen { last: 0, hash: Sha256::new(), connections: 0 };
    let text = server.get(&format!("{build}/logs?format=jsonl")).await.text;
    text.lines().for_each(|json| whole.take(json));
    assert_eq!(text.matches(" of the storm\\n").count() as u64, lines);
    let expected = (whole.last, whole.digest());
    let mut connections = 0;
    for follower in following {
        let seen = tokio::time::timeout(lasts * 2 + Duration::from_secs(120), follower).await;
        let seen = seen.expect("it never ended").unwrap();
        connections += seen.connections;
        assert_eq!((seen.last, seen.digest()), expected);
    }
    println!("{followers} followers, {lines} lines, {connections} connections");
    assert!(u64::from(connections) > followers * 3, "{connections} connections are no storm");
    server.nobody_follows().await;
}

async fn follow(server: &Server, build: &str, kind: Kind, cut: Duration) -> Seen {
    let mut seen = Seen { last: 0, hash: Sha256::new(), connections: 0 };
    let mut patience = cut;
    loop {
        seen.connections += 1;
        let (until, before) = (Instant::now() + patience, seen.last);
        let over = match kind {
            Kind::Messages => messages(server, build, &mut seen, until).await,
            Kind::Socket => socket(server, build, &mut seen, until).await,
            Kind::Chunks => chunks(server, build, &mut seen, until).await,
        };
        if over {
            return seen;
        }
        // Longer where nothing came, for a machine that is slow.
        patience = if seen.last == before { patience + cut } else { cut };
        // Where it was sent away at once: a storm may be more than the machine can take.
        tokio::time::sleep_until(until).await;
    }
}

async fn socket(server: &Server, build: &str, seen: &mut Seen, until: Instant) -> bool {
    let path = format!("{build}/ws?from={}", seen.last);
    let Some(mut client) = Client::open_if_it_can(server, &path).await else { return false };
    loop {
        match timeout_at(until, client.next()).await {
            Ok(Message::Text(text)) => seen.take(&text),
            Ok(Message::Close(reason)) => {
                assert_eq!(u16::from(reason.unwrap().code), 1000);
                return true;
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_)) => {}
            Err(_) => return false,
        }
    }
}

async fn messages(server: &Server, build: &str, seen: &mut Seen, until: Instant) -> bool {
    let request = server.request(Method::GET, &format!("{build}/events"));
    let response = request.header("Last-Event-ID", seen.last).send().await.unwrap();
    match response.status().as_u16() {
        200 => {}
        204 => return true,
        503 => return false,
        other => panic!("{other}"),
    }
    let mut over = false;
    blocks(response, b"\n\n", until, |block| {
        over |= block.starts_with("event: end");
        let data = block.lines().find_map(|line| line.strip_prefix("data: "));
        if let Some(data) = data.filter(|_| block.starts_with("id: ")) {
            seen.take(data);
        }
    })
    .await;
    over
}

async fn chunks(server: &Server, build: &str, seen: &mut Seen, until: Instant) -> bool {
    let path = format!("{build}/logs?follow=true&format=jsonl&from={}", seen.last);
    let response = server.request(Method::GET, &path).send().await.unwrap();
    match response.status().as_u16() {
        200 => {}
        503 => return false,
        other => panic!("{other}"),
    }
    blocks(response, b"\n", until, |line| seen.take(line)).await
}

/// Gives on what comes until then, block by block. Whether it came to its end.
async fn blocks(
    response: reqwest::Response,
    ends: &[u8],
    until: Instant,
    mut each: impl FnMut(&str),
) -> bool {
    let mut bytes = response.bytes_stream();
    let (mut buffer, mut looked): (Vec<u8>, usize) = (Vec::new(), 0);
    loop {
        let chunk = match timeout_at(until, bytes.next()).await {
            Ok(Some(chunk)) => chunk.unwrap(),
            Ok(None) => return true,
            Err(_) => return false,
        };
        buffer.extend_from_slice(&chunk);
        while let Some(at) = buffer[looked..].windows(ends.len()).position(|end| end == ends) {
            let end = looked + at;
            each(std::str::from_utf8(&buffer[..end]).unwrap());
            buffer.drain(..end + ends.len());
            looked = 0;
        }
        looked = buffer.len().saturating_sub(ends.len());
    }
}
