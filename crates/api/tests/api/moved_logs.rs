//! Logs that were moved to the blob store are read by the same calls, to the byte.

use std::time::Duration;

use reqwest::Method;
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
