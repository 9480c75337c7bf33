//! Builds as they happen.

use futures::StreamExt as _;
use futures::stream::BoxStream;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::Stage;
use slipway_store::builds::Ending;

use crate::server::{Server, answer};
use crate::worker::{Worker, line};

/// One message of the stream: its id, its kind, its data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: Option<i64>,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// A client that reads messages one by one, as the standard says they are written.
pub(crate) struct EventSource {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: String,
    /// Comments seen so far.
    pub(crate) comments: usize,
}

impl EventSource {
    pub(crate) async fn open(server: &Server, build: &str, last: Option<i64>) -> Self {
        let mut request = server.request(Method::GET, &format!("{build}/events"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(headers["content-type"], "text/event-stream");
        assert_eq!(headers["x-accel-buffering"], "no");
        assert_eq!(headers["cache-control"], "no-cache");
        let bytes = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Self { bytes, buffer: String::new(), comments: 0 }
    }

    /// The next message; none after the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                if block.starts_with(':') {
                    self.comments += 1;
                } else if !block.starts_with("retry:") {
                    return Some(read(&block));
                }
            }
            let chunk = self.bytes.next().await?.unwrap();
            self.buffer.push_str(&String::from_utf8(chunk).unwrap());
        }
    }

    pub(crate) async fn rest(mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(message) = self.next().await {
            messages.push(message);
        }
        messages
    }
}

fn read(block: &str) -> Message {
    let field = |name: &str| {
        let lines: Vec<&str> =
            block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    Message {
        id: field("id").map(|id| id.parse().unwrap()),
        event: field("event").unwrap(),
        data: field("data").unwrap(),
    }
}

#[tokio::test]
async fn a_build_that_waits_says_why_without_an_id() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let mut source = EventSource::open(&server, &build, None).await;
    assert_eq!(source.next().await.unwrap().id, Some(1));
    let waiting = source.next().await.unwrap();
    assert_eq!((waiting.id, waiting.event.as_str()), (None, "waiting"));
    let data: Value = serde_json::from_str(&waiting.data).unwrap();
    assert_eq!(data, server.get(&build).await.json()["waiting"]);
    assert_eq!(data["reason"], "no worker has reported a Docker host");

    Worker::start(&server).await.succeed().await;
    // It may be looked at between the worker's report and its claim, when it waits for another
    // reason.
    let rest = source.rest().await;
    let rest: Vec<_> = rest.into_iter().skip_while(|message| message.id.is_none()).collect();
    assert!(rest.iter().all(|message| message.event != "waiting"), "{rest:?}");
    assert_eq!(rest[0].id, Some(2));
}

#[tokio::test]
async fn a_build_from_its_first_event_to_its_last() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    Worker::start(&server).await.succeed().await;

    let messages = EventSource::open(&server, &build, None).await.rest().await;
    let table: Vec<String> = messages
        .iter()
        .map(|message| {
            let mut data: Value = serde_json::from_str(&message.data).unwrap();
            if let Some(at) = data.get_mut("at") {
                *at = json!("[time]");
            }
            format!("{} {} {data}", message.id.unwrap_or(0), message.event)
        })
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    1 state {"at":"[time]","attempt":0,"kind":"state","seq":1,"status":"queued"}
    2 state {"at":"[time]","attempt":1,"host":"local","kind":"state","seq":2,"status":"preparing"}
    3 state {"at":"[time]","attempt":1,"host":"local","kind":"state","seq":3,"status":"building"}
    4 step {"at":"[time]","attempt":1,"kind":"step","name":"[1/1] RUN make","seq":4,"status":"started","step":1}
    5 log {"at":"[time]","attempt":1,"kind":"log","seq":5,"step":1,"stream":"stdout","text":"hello\n"}
    6 step {"at":"[time]","attempt":1,"duration_ms":1500,"kind":"step","name":"[1/1] RUN make","seq":6,"status":"completed","step":1}
    7 state {"at":"[time]","attempt":1,"host":"local","kind":"state","seq":7,"status":"pushing"}
    8 state {"at":"[time]","attempt":1,"host":"local","kind":"state","seq":8,"status":"purging"}
    9 state {"at":"[time]","attempt":1,"digest":"sha256:6f1a5bd2c1b4a4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d","host":"local","kind":"state","seq":9,"status":"succeeded"}
    0 end {"last_seq":9}
    "#);

    // A browser comes back on its own after the end, and is told that there is no more.
    let request = server.request(Method::GET, &format!("{build}/events"));
    let over = answer(request.header("Last-Event-ID", "9")).await;
    assert_eq!((over.status, over.text.as_str()), (204, ""));
    assert_eq!(server.get(&format!("{build}/events?from=9")).await.status, 204);
    assert_eq!(server.get(&format!("{build}/events?lastEventId=10")).await.status, 204);
    let last = server.get(&format!("{build}/events?from=8")).await.text;
    assert!(last.starts_with("retry: 2000\n\nid: 9\nevent: state\n"), "{last}");
}

#[tokio::test]
async fn followers_that_come_and_go_miss_nothing() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;

    let writing = async {
        for n in 0..400 {
            worker.say(&lease, &[line(&format!("{n}\n"))]).await;
        }
        worker.finish(&lease, Ending::Cancelled).await;
    };
    let following = async {
        let mut seen = Vec::new();
        'connections: loop {
            let mut source = EventSource::open(&server, &build, seen.last().copied()).await;
            // Each connection breaks after a few messages.
            for _ in 0..37 {
                match source.next().await.unwrap() {
                    Message { id: Some(id), .. } => seen.push(id),
                    Message { event, .. } => {
                        assert_eq!(event, "end");
                        break 'connections seen;
                    }
                }
            }
        }
    };
    let staying = async { EventSource::open(&server, &build, None).await.rest().await };
    let ((), came_back, stayed) = tokio::join!(writing, following, staying);

    // Three states, 400 lines, and the end.
    let every: Vec<i64> = (1..=404).collect();
    assert_eq!(came_back, every);
    let stayed: Vec<i64> = stayed.iter().filter_map(|message| message.id).collect();
    assert_eq!(stayed, every);
}

#[tokio::test]
async fn a_silent_build_keeps_the_connection_alive() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let mut source = EventSource::open(&server, &build, None).await;
    assert_eq!(source.next().await.unwrap().id, Some(1));
    assert_eq!(source.next().await.unwrap().event, "waiting");
    let began = std::time::Instant::now();
    while source.comments == 0 {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "it was left alone");
        let silent = tokio::time::timeout(std::time::Duration::from_secs(2), source.next()).await;
        assert!(silent.is_err(), "nothing happens: {silent:?}");
    }
    assert_eq!(source.comments, 1);
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let mut table = Vec::new();
    for query in ["from=x", "since=4"] {
        table.push(server.get(&format!("{build}/events?{query}")).await.line());
    }
    let request = server.request(Method::GET, &format!("{build}/events"));
    table.push(answer(request.header("Last-Event-ID", "last")).await.line());
    let unknown = "/api/v2/builds/0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071/events";
    table.push(server.get(unknown).await.line());
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"error":{"code":"invalid_field","message":"is not the number of an event","field":"from","hint":"give the number of the last event you have; 0 is before the first"}}
    400 {"error":{"code":"unknown_parameter","message":"there is no such parameter","field":"since","hint":"the parameters are from, lastEventId"}}
    400 {"error":{"code":"invalid_field","message":"is not the number of an event","field":"Last-Event-ID","hint":"give the number of the last event you have; 0 is before the first"}}
    404 {"error":{"code":"no_such_build","message":"there is no build 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071"}}
    "#);
}
