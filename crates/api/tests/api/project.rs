//! All builds of a project as one stream without an end.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::BoxStream;
use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::Stage;
use slipway_store::builds::Ending;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::server::Server;
use crate::socket::Client;
use crate::worker::{Worker, line};

/// One message: its id, its kind, its data.
#[derive(Debug, Clone, PartialEq)]
struct Message {
    id: Option<String>,
    event: String,
    data: Value,
}

/// A client that reads as far as it is asked to.
struct Source {
    bytes: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    buffer: String,
}

impl Source {
    async fn open(server: &Server, query: &str, last: Option<&str>) -> Self {
        let mut request = server.request(Method::GET, &format!("/api/v2/events?{query}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let bytes = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Self { bytes, buffer: String::new() }
    }

    /// The next message; none after the end of the stream.
    async fn next(&mut self) -> Option<Message> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                if let Some(message) = read(&block) {
                    return Some(message);
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.bytes.next()).await;
            self.buffer.push_str(&String::from_utf8(chunk.unwrap()?.unwrap()).unwrap());
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        while messages.len() < count {
            messages.push(self.next().await.unwrap());
        }
        messages
    }
}

/// None of a comment, and of what tells a browser when to come back.
fn read(block: &str) -> Option<Message> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    Some(Message {
        id: field("id: ").map(str::to_owned),
        event: field("event: ")?.to_owned(),
        data: serde_json::from_str(field("data: ")?).unwrap(),
    })
}

async fn submitted(server: &Server, project: &str) -> String {
    let path = server.submitted(json!({"project": project})).await;
    path.rsplit('/').next().unwrap().to_owned()
}

/// A build that succeeds, one that fails and one that waits, and one of another project.
async fn some_builds(server: &Server) -> [String; 3] {
    let (first, second) = (submitted(server, "ours").await, submitted(server, "ours").await);
    let worker = Worker::start(server).await;
    worker.succeed().await;
    worker.fail().await;
    submitted(server, "theirs").await;
    [first, second, submitted(server, "ours").await]
}

/// Queued, preparing, building, a step's beginning and end, pushing, purging, succeeded; queued,
/// preparing, building, failed; queued.
const EVENTS: usize = 13;

#[tokio::test]
async fn each_event_once_from_any_place_on_any_server() {
    let servers = [Server::start().await];
    let servers = [&servers[0], &servers[0].beside()];
    let builds = some_builds(servers[0]).await;
    let all = Source::open(servers[0], "project=ours&from=0", None).await.take(1 + EVENTS).await;
    let begin = Message {
        id: Some("0".into()),
        event: "begin".into(),
        data: json!({"kind": "begin", "place": "0"}),
    };
    assert_eq!(all[0], begin);
    let mut seqs: [Vec<i64>; 3] = Default::default();
    for message in &all[1..] {
        let nth = builds.iter().position(|build| message.data["build"] == **build).unwrap();
        seqs[nth].push(message.data["seq"].as_i64().unwrap());
        assert_eq!(message.event, message.data["kind"]);
        assert_eq!(message.id.as_deref(), message.data["place"].as_str());
    }
    assert_eq!(seqs, [vec![1, 2, 3, 4, 6, 7, 8, 9], vec![1, 2, 3, 4], vec![1]]);

    for (index, message) in all.iter().enumerate() {
        let server = servers[index % 2];
        let mut source = Source::open(server, "project=ours", message.id.as_deref()).await;
        let again = source.next().await.unwrap();
        assert_eq!((again.event.as_str(), &again.id), ("begin", &message.id));
        assert_eq!(source.take(EVENTS - index).await, all[index + 1..]);
    }
    // Nothing comes after the last one but what happens.
    let mut source = Source::open(servers[1], "project=ours", all[EVENTS].id.as_deref()).await;
    assert_eq!(source.next().await.unwrap().event, "begin");
    let later = submitted(servers[0], "ours").await;
    assert_eq!(source.next().await.unwrap().data["build"], later);
}

#[tokio::test]
async fn a_list_and_then_all_that_comes_after_it() {
    let server = Server::start().await;
    some_builds(&server).await;
    let mut source = Source::open(&server, "project=ours", None).await;
    let begin = source.next().await.unwrap();
    assert_eq!(begin.event, "begin");
    // It happens before the list is asked for: it is in both, and its number tells.
    let worker = Worker::start(&server).await;
    let theirs = worker.claim().await.lease;
    let ours = worker.claim().await.lease;
    let list = server.get("/api/v2/builds?project=ours").await.json()["builds"].clone();
    let listed = |message: &Message| {
        let mut builds = list.as_array().unwrap().iter();
        let build = builds.find(|build| build["id"] == message.data["build"]);
        build.map_or(0, |build| build["last_seq"].as_i64().unwrap())
    };
    worker.finish(&theirs, Ending::Cancelled).await;
    worker.finish(&ours, Ending::Cancelled).await;
    submitted(&server, "ours").await;
    let messages = source.take(3).await;
    let said: Vec<String> = messages
        .iter()
        .map(|message| {
            let seq = message.data["seq"].as_i64().unwrap();
            let known = if seq > listed(message) { "new" } else { "in the list" };
            format!("{seq} {} {known}", message.data["status"])
        })
        .collect();
    assert_eq!(said, ["2 \"preparing\" in the list", "3 \"cancelled\" new", "1 \"queued\" new"]);
}

#[tokio::test]
async fn live_over_a_websocket_and_cut_off_in_between() {
    let server = Server::start().await;
    let other = server.beside();
    const BUILDS: usize = 8;
    let writing = async {
        let worker = Worker::start(&server).await;
        for _ in 0..BUILDS {
            submitted(&server, "ours").await;
            let lease = worker.claim().await.lease;
            worker.say(&lease, &[line("hello\n")]).await;
            worker.advance(&lease, Stage::Building).await;
            worker.finish(&lease, Ending::Cancelled).await;
        }
    };
    let mut seen: Vec<(String, i64)> = Vec::new();
    let following = async {
        let mut from = "0".to_owned();
        for turn in 0.. {
            let server = [&server, &other][turn % 2];
            let path = format!("/api/v2/events/ws?project=ours&from={from}");
            let mut client = Client::open(server, &path).await;
            for nth in 0..6 {
                let said: Value = serde_json::from_str(&client.text().await.unwrap()).unwrap();
                from = said["place"].as_str().unwrap().to_owned();
                if nth == 0 {
                    assert_eq!(said["kind"], "begin");
                    continue;
                }
                let build = said["build"].as_str().unwrap().to_owned();
                seen.push((build, said["seq"].as_i64().unwrap()));
                if seen.len() == 4 * BUILDS {
                    return;
                }
            }
        }
    };
    tokio::join!(writing, following);
    for of_build in seen.chunks(4) {
        let seqs: Vec<i64> = of_build.iter().map(|(_, seq)| *seq).collect();
        assert_eq!(seqs, [1, 2, 4, 5]);
        assert!(of_build.iter().all(|(build, _)| *build == of_build[0].0));
    }
    server.nobody_follows().await;
    other.nobody_follows().await;
}

#[tokio::test]
async fn news_is_heard_at_once_and_a_server_that_stops_says_so() {
    let server = Server::start().await;
    let build = submitted(&server, "ours").await;
    let mut source = Source::open(&server, "project=ours&from=0", None).await;
    let mut client = Client::open(&server, "/api/v2/events/ws?project=ours").await;
    source.take(2).await;
    assert!(client.text().await.unwrap().contains("begin"));
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    assert_eq!(source.next().await.unwrap().data["build"], build);
    // One time is enough: a machine may be busy with something else for as long as the poll takes.
    let (mut told, mut is_quick) = (Vec::new(), false);
    for stage in [Stage::Building, Stage::Pushing, Stage::Purging] {
        worker.advance(&lease, stage).await;
        let began = Instant::now();
        told.push(source.next().await.unwrap());
        is_quick = began.elapsed() < Duration::from_millis(700);
        if is_quick {
            break;
        }
    }
    assert!(is_quick, "it was the poll");

    for _ in 0..=told.len() {
        client.text().await.unwrap();
    }

    server.api.stopping.cancel();
    let last = source.next().await.unwrap();
    let expected = Message {
        id: None,
        event: "reconnect".into(),
        data: json!({"from": told.pop().unwrap().id.unwrap()}),
    };
    assert_eq!(last, expected);
    assert_eq!(source.next().await, None);
    let (texts, closed) = client.rest().await;
    assert_eq!(texts, [""; 0]);
    assert_eq!(closed, format!("{} this server is stopping", u16::from(CloseCode::Away)));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = Server::start().await;
    let build = submitted(&server, "ours").await;
    let mut table = Vec::new();
    for query in [
        format!("builds={build}&project=ours"),
        "project=".to_owned(),
        "project=-ours".to_owned(),
        "project=*".to_owned(),
        "project=ours&logs=true".to_owned(),
        "project=ours&from=7".to_owned(),
        "project=ours&from=1.2.3".to_owned(),
        format!("project=ours&from=1.{build}.-1"),
    ] {
        let error = server.get(&format!("/api/v2/events?{query}")).await;
        let said = error.json()["error"].clone();
        table.push(format!("{} {}: {}", error.status, said["field"], said["message"]));
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 "project": "does not go together with builds"
    400 "project": "is empty"
    400 "project": "is not a project name"
    400 "project": "is not a project name"
    400 "logs": "is not for a project's stream"
    400 "from": "is no place in the stream of a project"
    400 "from": "is no place in the stream of a project"
    400 "from": "is no place in the stream of a project"
    "#);
    assert_eq!(server.get("/api/v2/events/ws?project=ours").await.status, 426);
    // A place beyond all that there is, as after a dump was restored: it goes on with the last.
    let beyond = format!("project=ours&from=99999.{build}.1");
    let begin = Source::open(&server, &beyond, None).await.next().await.unwrap();
    assert!(begin.data["place"].as_str().unwrap().ends_with(&format!(".{build}.1")), "{begin:?}");
    assert_ne!(begin.id, Some(format!("99999.{build}.1")));
}
