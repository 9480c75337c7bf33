//! Logs that were moved to the blob store are read by the same calls, to the byte.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use slipway_domain::{BuildId, Stage, StepStatus, now};
use slipway_store::archive::{move_one, to_move};
use slipway_store::builds::Ending;
use slipway_store::followers::{self, Ended, Next, Wanted};

use crate::server::{Server, answer};
use crate::socket::Client;
use crate::worker::{DIGEST, Worker, a_failure, line, step};

/// A build of each service, all with long logs, over.
struct Builds {
    native: String,
    generator: String,
    boatyard: String,
    templates: String,
}

const APP: &str = "56bce159-87a7-437f-bed3-2da4e44d9cf3";

impl Builds {
    async fn of(server: &Server) -> Self {
        let followed = json!({"followers": [{"kind": "status", "url": "https://c.example/"}]});
        let native = server.submitted(followed).await;
        let path = "/b1/build?imagename=r.example/app&dockerfile=RlJPTSBzY3JhdGNoCg";
        let generator = server.get(path).await.text;
        let job = json!({"image_name": "r.example/team/app", "dockerfile": "FROM scratch\n",
            "username": "u", "password": "p", "email": "u@r.example"});
        let boatyard = server.post("/api/v1/build", job.to_string()).await;
        let boatyard = boatyard.json()["JobIdentifier"].as_str().unwrap().to_owned();
        let request = json!({"model_version": "python-flask", "version": "1.0.0",
            "name": "my-app", "tag": "latest"});
        let templates = server.post("/api/v1/build", request.to_string()).await;
        let templates = templates.json()["build_id"].as_str().unwrap().to_owned();
        let shuttle = json!({
            "sha": "0123abcd", "app": "web", "space": "prod", "branch": "main",
            "repo": "https://github.com/o/web", "org": "o", "build_number": 7,
            "build_uuid": "56bce159-87a7-437f-bed3-2da4e44d9eee", "app_uuid": APP,
            "sources": "https://files.example/web.zip", "build_args": {},
            "callback": "https://c.example/builds/1", "callback_auth": "", "kafka_hosts": "",
            "gm_registry_host": "r.example", "gm_registry_repo": "org",
            "gm_registry_auth": {"username": "u", "password": "p", "serveraddress": "r.example"},
            "docker_registry": "", "docker_login": "", "docker_password": "",
        });
        assert_eq!(server.post("/", shuttle.to_string()).await.status, 200);

        let worker = Worker::start(server).await;
        for n in 0..5 {
            let lease = worker.claim().await.lease;
            worker.advance(&lease, Stage::Building).await;
            worker.say(&lease, &[step(StepStatus::Started)]).await;
            for batch in 0..8 {
                let text = |line: i32| match line {
                    3 => format!("{batch}: a long line {}\n", "wörd \0 ".repeat(4000)),
                    5 => format!("{batch}: no end of the line"),
                    _ => format!("{batch}: line {line}\nand one more\n"),
                };
                let lines: Vec<_> = (0..40).map(|n| line(&text(n))).collect();
                worker.say(&lease, &lines).await;
            }
            worker.say(&lease, &[step(StepStatus::Completed)]).await;
            if n % 2 == 0 {
                worker.advance(&lease, Stage::Pushing).await;
                worker.advance(&lease, Stage::Purging).await;
                worker.finish(&lease, Ending::Succeeded).await;
            } else {
                worker.finish(&lease, Ending::Failed(a_failure())).await;
            }
        }
        Self { native, generator, boatyard, templates }
    }

    fn native_id(&self) -> &str {
        self.native.rsplit('/').next().unwrap()
    }

    /// All that reads events, from here and there.
    fn paths(&self) -> Vec<String> {
        let native = &self.native;
        let mut paths = Vec::new();
        for from in [0, 1, 64, 200, 324, 329, 330, 9999] {
            paths.push(format!("{native}/events?from={from}"));
            for format in ["text", "classic", "docker-json", "jsonl"] {
                for follow in [true, false] {
                    let query = format!("from={from}&format={format}&follow={follow}");
                    paths.push(format!("{native}/logs?{query}"));
                }
            }
        }
        for chunk in [0, 1, 99, 400, 640, 641, 642, 9999] {
            paths.push(format!("/b1/build/log/http/{}?count={chunk}", self.generator));
        }
        paths.extend([
            native.clone(),
            format!("{native}/deliveries"),
            format!("/api/v1/{}/logs", self.boatyard),
            format!("/api/v1/{}/status", self.boatyard),
            format!("/api/v1/build/{}/status", self.templates),
            "/api/v1/builds".to_owned(),
            format!("/web-{APP}/7/logs"),
            format!("/web-{APP}/7/status"),
        ]);
        paths
    }

    fn sockets(&self) -> [String; 2] {
        [format!("{}/ws?from=17", self.native), format!("/b1/build/log/ws/{}", self.generator)]
    }

    /// What a stream of several builds says of each: between them there is no order.
    async fn several(&self, server: &Server) -> Vec<(String, i64, String)> {
        let both = format!("{},{}", self.native_id(), self.templates);
        let path = format!("/api/v2/events?builds={both}&logs=true&from=100.7");
        let stream = server.get(&path).await.text;
        let path = format!("/api/v2/events/ws?builds={both}&logs=true");
        let (frames, closed) = Client::open(server, &path).await.rest().await;
        assert!(closed.starts_with("1000"), "{closed}");
        let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
        let said = data.chain(frames.iter().map(String::as_str));
        let mut events: Vec<_> = said
            .map(|text| serde_json::from_str::<Value>(text).unwrap())
            .filter(|said| said["seq"].is_i64())
            .map(|said| {
                let (build, seq) = (said["build"].to_string(), said["seq"].as_i64().unwrap());
                (build, seq, format!("{} {} {}", said["at"], said["kind"], said["text"]))
            })
            .collect();
        events.sort();
        events
    }

    /// What each call answers, head and body.
    async fn answers(&self, server: &Server) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        for path in self.paths() {
            let said = server.get(&path).await;
            assert!(said.status < 300, "{path}: {said:?}");
            let mut heads: Vec<String> =
                said.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
            heads.retain(|head| !head.starts_with("date") && !head.starts_with("x-request-id"));
            heads.sort();
            answers.push((path, format!("{} {heads:?}\n{}", said.status, said.text)));
        }
        for path in self.sockets() {
            let said = Client::open(server, &path).await.rest().await;
            answers.push((path, format!("{said:?}")));
        }
        answers
    }
}

/// Nobody is there to tell followers: what is due is taken, and told to nobody.
async fn tell_followers(server: &Server) {
    let (store, wanted) = (&server.api.store, Wanted { builds: None, full: &[] });
    let lease = Duration::from_secs(20);
    for taken in followers::take(store, wanted, |_, _| true, lease, now()).await.unwrap() {
        let end = Next::End { how: Ended::Done, seq: 9999, why: None };
        assert!(followers::record(store, &taken, &[], &end, now()).await.unwrap());
    }
}

async fn move_all(server: &Server) -> usize {
    let store = &server.api.store;
    let builds = to_move(store, now(), now(), 99).await.unwrap();
    for build in &builds {
        assert!(move_one(store, *build, now()).await.unwrap().is_some());
    }
    builds.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_answers_the_same_bytes() {
    let server = Server::start().await;
    let builds = Builds::of(&server).await;
    tell_followers(&server).await;
    let before = builds.answers(&server.beside()).await;
    let several = builds.several(&server.beside()).await;
    assert!(several.len() > 1000, "{}", several.len());
    assert!(before.iter().filter(|(_, said)| said.len() > 100_000).count() > 10);
    assert_eq!(move_all(&server).await, 5);

    let after = builds.answers(&server.beside()).await;
    for ((path, before), (_, after)) in before.iter().zip(&after) {
        assert!(before == after, "{path}: {} and {} bytes", before.len(), after.len());
    }
    assert_eq!(before.len(), after.len());
    assert!(builds.several(&server.beside()).await == several);
    // And of the server that had read them before.
    assert!(builds.answers(&server).await == before);
    server.nobody_follows().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_whose_log_was_moved_is_a_build() {
    let server = Server::start().await;
    let build = server.submitted(json!({"image": "r.example/app:1"})).await;
    let worker = Worker::start(&server).await;
    worker.succeed().await;
    let cancel = async || server.post(&format!("{build}/cancel"), "").await.line();
    let too_late = cancel().await;
    assert_eq!(move_all(&server).await, 1);

    let shown = server.get(&build).await.json();
    assert_eq!((&shown["status"], &shown["digest"]), (&json!("succeeded"), &json!(DIGEST)));
    assert_eq!(cancel().await, too_late);
    let events = server.request(Method::GET, &format!("{build}/events"));
    let nothing_more = answer(events.header("Last-Event-ID", "9")).await;
    assert_eq!((nothing_more.status, nothing_more.text.as_str()), (204, ""));
    let again = server.post(&format!("{build}/retry"), "").await;
    assert_eq!((again.status, &again.json()["retry_of"]), (202, &shown["id"]));
    worker.succeed().await;
    let log = async |path: &str| server.get(&format!("{path}/logs")).await.text;
    assert_eq!(log(&again.header("location")).await, log(&build).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_to_be_had_is_said_to_be_so() {
    let server = Server::start().await;
    let build = server.submitted(json!({})).await;
    let rows = server.submitted(json!({})).await;
    let worker = Worker::start(&server).await;
    worker.succeed().await;
    assert_eq!(move_all(&server).await, 1);
    worker.succeed().await;
    let id: BuildId = build.rsplit('/').next().unwrap().parse().unwrap();
    let file = server.folder.path().join(format!("blobs/logs/{id}.jsonl.zst"));
    let away = server.folder.path().join("away");
    std::fs::rename(&file, &away).unwrap();

    let another = server.beside();
    for path in ["logs", "logs?follow=true&format=jsonl", "events"] {
        let said = another.get(&format!("{build}/{path}")).await;
        let error: Value = said.json()["error"].clone();
        assert_eq!((said.status, &error["code"]), (410, &json!("log_missing")), "{path}: {said:?}");
        assert!(error["message"].as_str().unwrap().contains(&id.to_string()), "{said:?}");
        assert!(!said.text.contains("blobs/logs"), "{said:?}");
    }
    let list = another.get("/api/v1/builds").await;
    assert_eq!((list.status, &list.json()["total"]), (200, &json!(2)), "{list:?}");
    assert_eq!(another.get(&build).await.status, 200);
    assert_eq!(another.get(&format!("{rows}/logs")).await.status, 200);

    std::fs::rename(&away, &file).unwrap();
    let log = another.get(&format!("{build}/logs")).await;
    assert_eq!(log.text, another.get(&format!("{rows}/logs")).await.text);
}

/// What makes a request one for a WebSocket.
fn upgrade(request: RequestBuilder) -> RequestBuilder {
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    request
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", key)
}

/// Whoever comes back to a stream of several would come back for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_several_is_refused_for_the_one_whose_log_is_not_to_be_had() {
    let server = Server::start().await;
    let (build, rows) = (server.submitted(json!({})).await, server.submitted(json!({})).await);
    let worker = Worker::start(&server).await;
    worker.succeed().await;
    assert_eq!(move_all(&server).await, 1);
    worker.succeed().await;
    let [id, other] = [&build, &rows].map(|path| path.rsplit('/').next().unwrap());
    let file = server.folder.path().join(format!("blobs/logs/{id}.jsonl.zst"));
    let whole = std::fs::read(&file).unwrap();

    let query = format!("builds={other},{id}");
    let damages: [(&str, &[u8]); 3] =
        [("log_damaged", b"nonsense"), ("log_damaged", b""), ("log_missing", b"")];
    for (code, bytes) in damages {
        std::fs::write(&file, bytes).unwrap();
        if code == "log_missing" {
            std::fs::remove_file(&file).unwrap();
        }
        let another = server.beside();
        for (path, socket) in [("events", false), ("events/ws", true)] {
            let request = another.request(Method::GET, &format!("/api/v2/{path}?{query}"));
            let said = answer(if socket { upgrade(request) } else { request }).await;
            let error: Value = said.json()["error"].clone();
            assert_eq!((said.status, &error["code"]), (410, &json!(code)), "{path}: {said:?}");
            assert!(error["message"].as_str().unwrap().contains(id), "{said:?}");
        }
        // Whoever has all of it wants nothing of the log.
        let rest = another.get(&format!("/api/v2/events?{query}&from=0.9")).await;
        assert_eq!(rest.status, 200, "{rest:?}");
        assert!(rest.text.contains("event: end"), "{rest:?}");
        another.nobody_follows().await;
    }
    std::fs::write(&file, whole).unwrap();
    assert_eq!(server.beside().get(&format!("/api/v2/events?{query}")).await.status, 200);
}

/// Known before the first byte, it is said so in each service's own words: a client that was
/// answered 200 would take what it has for the log.
#[tokio::test(flavor = "multi_thread")]
async fn every_service_says_whose_log_is_not_to_be_had() {
    let server = Server::start().await;
    let builds = Builds::of(&server).await;
    tell_followers(&server).await;
    assert_eq!(move_all(&server).await, 5);
    let native = &builds.native;
    let mut paths = vec![format!("{native}/events"), format!("{native}/events?from=7")];
    for format in ["text", "classic", "docker-json", "jsonl"] {
        paths.push(format!("{native}/logs?format={format}"));
        paths.push(format!("{native}/logs?format={format}&follow=true&from=300"));
    }
    paths.push(format!("/api/v2/events?builds={}", builds.native_id()));
    paths.push(format!("/b1/build/log/http/{}?count=0", builds.generator));
    paths.push(format!("/api/v1/{}/logs", builds.boatyard));
    paths.push(format!("/api/v1/build/{}/status", builds.templates));
    paths.push(format!("/web-{APP}/7/logs"));
    let sockets = [format!("{native}/ws"), format!("/b1/build/log/ws/{}", builds.generator)];

    let logs = server.folder.path().join("blobs/logs");
    for damage in ["damaged there", "not there any more"] {
        for file in std::fs::read_dir(&logs).unwrap() {
            let file = file.unwrap().path();
            match damage {
                "damaged there" => std::fs::write(file, "nonsense").unwrap(),
                _ => std::fs::remove_file(file).unwrap(),
            }
        }
        let another = server.beside();
        for path in &paths {
            let said = another.get(path).await;
            assert_eq!(said.status, 410, "{path}: {said:?}");
            assert!(said.text.contains(damage), "{path}: {said:?}");
            if said.header("content-type").starts_with("application/json") {
                said.json();
            }
            let head = answer(another.request(Method::HEAD, path)).await;
            assert_eq!((head.status, head.text.as_str()), (410, ""), "{path}: {head:?}");
        }
        for path in &sockets {
            let said = answer(upgrade(another.request(Method::GET, path))).await;
            assert_eq!(said.status, 410, "{path}: {said:?}");
            assert!(said.text.contains(damage), "{path}: {said:?}");
        }
        let list = another.get("/api/v1/builds").await;
        assert_eq!((list.status, &list.json()["total"]), (200, &json!(5)), "{list:?}");
        another.nobody_follows().await;
    }
    let refused = server.beside().get(&format!("/api/v1/build/{}/status", builds.templates)).await;
    let text = refused.text.replace(&builds.templates, "[id]");
    insta::assert_snapshot!(text, @r#"{"error":"the log of build [id] was moved to the server's blob store, and is not there any more","code":410,"details":"tell whoever runs the server: it may be in a backup"}"#);
}

/// Found after the first byte, it breaks the answer off: none looks whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_damaged_further_on_breaks_off() {
    let server = Server::start().await;
    let builds = Builds::of(&server).await;
    tell_followers(&server).await;
    assert_eq!(move_all(&server).await, 5);
    for file in std::fs::read_dir(server.folder.path().join("blobs/logs")).unwrap() {
        let file = file.unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        let last = bytes.len() - 5;
        bytes[last] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }
    let native = &builds.native;
    let mut paths = vec![
        format!("/api/v1/{}/logs", builds.boatyard),
        format!("/api/v1/build/{}/status", builds.templates),
        format!("/web-{APP}/7/logs"),
    ];
    for format in ["text", "classic", "docker-json", "jsonl"] {
        paths.push(format!("{native}/logs?format={format}"));
        paths.push(format!("{native}/logs?format={format}&follow=true"));
    }
    let another = server.beside();
    for path in &paths {
        let response = another.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let body = response.bytes().await;
        assert!(body.is_err(), "{path}: {} bytes look whole", body.unwrap().len());
    }
    // These go on by themselves, and are answered 410 when they do.
    let stream = another.get(&format!("{native}/events")).await.text;
    assert!(stream.contains("event: reconnect") && !stream.contains("event: end"));
    let both = another.get(&format!("/api/v2/events?builds={}&logs=1", builds.native_id())).await;
    assert!(both.text.contains("event: reconnect") && !both.text.contains("event: end"));
    for path in builds.sockets() {
        let (said, closed) = Client::open(&another, &path).await.rest().await;
        assert!(closed.starts_with("1011") && said.last().unwrap() != "bye", "{path}: {closed}");
    }
    another.nobody_follows().await;
}
