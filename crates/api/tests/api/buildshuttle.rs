//! buildshuttle's documented contract, with requests as its clients send them.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_api::Limits;
use slipway_domain::{Source, Stage};
use slipway_store::builds::Ending;

use crate::server::{Answer, Server, answer};
use crate::worker::Worker;

const RESERVED: [&str; 10] =
    ["api", "b1", "health", "metrics", "docs", "openapi.json", "ui", "assets", "webhooks", "octhc"];

/// As the example of its document, which ends its lists with commas.
const EXAMPLE: &str = r#"{
  "metadata": "some internal identifier",
  "human_readable_info": "This is information that'll be shown to the user.",
  "arguments": {"VERSION": "1.2", "my.token": "line one\nline two", "DEBUG": true, "N": 5,},
  "source": {"url": "docker://u1:p1@r.example:5000/org/base:1",},
  "destination": {"image": "docker://u2:p%402@r.example:5000/org/app:2",},
}"#;

/// As `curl -d '{…}'` sends it: JSON that calls itself a form.
async fn send(server: &Server, path: &str, body: impl ToString) -> Answer {
    let request = server
        .request(Method::POST, path)
        .header("Content-Type", "application/x-www-form-urlencoded");
    answer(request.body(body.to_string())).await
}

async fn stop(server: &Server, path: &str) -> String {
    answer(server.request(Method::DELETE, path)).await.line()
}

fn small() -> Value {
    json!({
        "source": {"url": "https://files.example/app.zip"},
        "destination": {"url": "docker://r.example/app:1"},
    })
}

#[tokio::test]
async fn the_documents_own_example() {
    let server = Server::start().await;
    let accepted = send(&server, "/my-app/build-7", EXAMPLE).await;
    assert_eq!(accepted.line(), r#"200 {"status":"OK"}"#);
    assert_eq!(accepted.header("content-type"), "application/json");

    let claimed = Worker::start(&server).await.claim().await;
    let spec = claimed.spec;
    assert_eq!(spec.image.to_string(), "r.example:5000/org/app:2");
    let Source::Image { image, all_platforms: false } = &spec.source else {
        panic!("{:?}", spec.source)
    };
    assert_eq!(image.to_string(), "r.example:5000/org/base:1");
    // One registry, and a login for each way.
    let push = claimed.secrets.registry_auth.values().next().unwrap();
    assert_eq!((push.username.as_str(), push.password.expose()), ("u2", "p@2"));
    let pull = claimed.secrets.source.login.unwrap();
    assert_eq!((pull.username.as_str(), pull.password.expose()), ("u1", "p1"));
    assert_eq!(spec.metadata, Some("some internal identifier".into()));
    assert!(spec.args_in_every_stage && spec.also.is_empty() && spec.labels.is_empty());
    let args: Vec<_> = spec.args.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(args, ["DEBUG=true", "N=5", "VERSION=1.2", "mytoken=line one\nline two"]);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let server = Server::start().await;
    let without = |path: &[&str]| {
        let mut body = small();
        let (last, above) = path.split_last().unwrap();
        let object = above.iter().fold(&mut body, |object, name| &mut object[*name]);
        object.as_object_mut().unwrap().remove(*last);
        body
    };
    let mut table = Vec::new();
    for body in [
        without(&["source"]),
        without(&["source", "url"]),
        without(&["destination"]),
        without(&["destination", "url"]),
        json!({}),
        json!({"source": null, "destination": {"image": ""}}),
        json!({"source": "https://x.example/a.zip", "destination": "docker://x/y"}),
    ] {
        table.push(send(&server, "/a/b", body).await.line());
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    400 {"status":"Required field missing: source.url"}
    400 {"status":"Required field missing: source.url"}
    400 {"status":"Required field missing: destination.image"}
    400 {"status":"Required field missing: destination.image"}
    400 {"status":"Required field missing: source.url"}
    400 {"status":"Required field missing: source.url"}
    400 {"status":"Bad Request - source: must be an object with url"}
    "#);
}

#[tokio::test]
async fn a_half_of_the_pair_that_is_no_name() {
    let server = Server::start().await;
    let long = format!("/{}/1", "a".repeat(300));
    for (path, said) in [
        (long.as_str(), "app: is longer than 255 bytes"),
        ("/web/a%01b", "build: has a slash, a backslash, a control character"),
        ("/web/a%ff", "build: has a slash, a backslash, a control character"),
        ("/a%2fb/1", "app: has a slash, a backslash, a control character"),
    ] {
        let refused = server.post(path, small().to_string()).await.line();
        let wanted = format!("400 {{\"status\":\"Bad Request - {said}");
        assert!(refused.starts_with(&wanted), "{path}: {refused}");
        let stopped = answer(server.request(Method::DELETE, path)).await.line();
        assert_eq!(stopped, r#"404 {"status":"Not Found"}"#, "{path}");
    }
}

#[tokio::test]
async fn what_does_not_fit() {
    let server =
        Server::with_limits(Limits { buildshuttle_body_bytes: 2000, ..Limits::default() }).await;
    let with = |name: &str, value: Value| {
        let mut body = small();
        body[name] = value;
        body.to_string()
    };
    let mut table = Vec::new();
    for body in [
        String::new(),
        "{".into(),
        "[]".into(),
        "app=1&x=2".into(),
        with("source", json!({"url": "ftp://u:hunter2@x/y"})),
        with("source", json!({"url": "data:nothing"})),
        with("source", json!({"url": "data:;base64,!!!"})),
        with("source", json!({"url": "data:text/plain,FROM%20scratch"})),
        with("source", json!({"url": "docker://u:hunter2@"})),
        with("destination", json!({"image": "docker://u:hunter2@r.example/App:1"})),
        with("destination", json!({"image": "https://r.example/app"})),
        with("arguments", json!(["A=b"])),
        with("arguments", json!({"A": 1, "hunter2": {}})),
        with("source", json!("https://hunter2.example/")),
        with("source", json!({"url": ["https://hunter2.example/"]})),
        with("destination", json!(["hunter2"])),
        with("destination", json!({"image": {"hunter2": 1}})),
        with("destination", json!({"url": true})),
        with("destination", json!({"url": "docker://r.example/App"})),
        with("webhooks", json!({"status": "ftp://token@x"})),
        with("webhooks", json!({"status": "kafka://b:9092/t"})),
        with("webhooks", json!({"logs": ["https://x.example", "kafka://hunter2@b:9092/t"]})),
        with("webhooks", json!({"logs": "failover(kafka://a:9092/t, kafka://b:9092/t"})),
        with("webhooks", json!({"status": "http://hunter2@10.1.2.3/x"})),
        // Each by the name that it was written under.
        with(
            "webhooks",
            json!({"status": "https://x.example/", "logs": "kafka://10.1.2.3:9092/t"}),
        ),
        with("webhooks", json!({"status": ["https://x.example/", "http://10.1.2.3/hunter2"]})),
        with("webhooks", json!({"status": "http:/127.0.0.1/hunter2"})),
        with("webhooks", json!({"status": ["https://x.example/", "https://a@hunter2@b.example/"]})),
        with("webhooks", json!({"status": "https://b.example\\@hunter2.example/"})),
        with("webhooks", json!({"logs": "https://b.example:0/hunter2"})),
        with("webhooks", json!({"logs": "https://b.example/#hunter2"})),
        with("webhooks", json!({"logs": "failover(kafka://a:9092/t, kafka://hunter2:0/t)"})),
        with("webhooks", json!("https://hunter2.example/")),
        with("webhooks", json!({"status": {"url": "https://hunter2.example/"}})),
        with("webhooks", json!({"logs": [true]})),
        with("metadata", json!("m".repeat(3000))),
    ] {
        table.push(send(&server, "/a/b", body).await.line());
    }
    let all = table.join("\n");
    assert!(!all.contains("hunter2"), "{all}");
    insta::assert_snapshot!(all);
    assert!(server.blobs_left(0).await.is_empty());
}

#[tokio::test]
async fn a_pair_is_one_build_at_a_time() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let mut table = vec![send(&server, "/app/1", small()).await.line()];
    table.push(send(&server, "/app/1", small()).await.line());
    table.push(send(&server, "/app/2", small()).await.line());
    let lease = worker.claim().await.lease;
    table.push(send(&server, "/app/1", small()).await.line());
    worker.finish(&lease, Ending::Cancelled).await;
    table.push(send(&server, "/app/1", small()).await.line());
    insta::assert_snapshot!(table.join("\n"), @r#"
    200 {"status":"OK"}
    409 {"status":"a build of this name is under way"}
    200 {"status":"OK"}
    409 {"status":"a build of this name is under way"}
    200 {"status":"OK"}
    "#);
    let both = [small(), small()];
    let [one, other] = both.map(|body| send(&server, "/twins/1", body));
    let (one, other) = tokio::join!(one, other);
    let mut codes = [one.status, other.status];
    codes.sort_unstable();
    assert_eq!(codes, [200, 409]);
}

#[tokio::test]
async fn stopped_once_and_not_again() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let mut table = vec![stop(&server, "/app/1").await];
    send(&server, "/app/1", small()).await;
    table.push(stop(&server, "/app/1").await);
    table.push(stop(&server, "/app/1").await);
    send(&server, "/app/1", small()).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    // Asked twice while it winds up is the same as asked once.
    table.push(stop(&server, "/app/1").await);
    table.push(stop(&server, "/app/1").await);
    worker.finish(&lease, Ending::Cancelled).await;
    table.push(stop(&server, "/app/1").await);
    insta::assert_snapshot!(table.join("\n"), @r#"
    422 {"status":"The build is not running"}
    200 {"status":"OK"}
    422 {"status":"The build is not running"}
    200 {"status":"OK"}
    200 {"status":"OK"}
    422 {"status":"The build is not running"}
    "#);
}

const TAKEN: &str = r#"{"status":"Bad Request - app: is a word that paths of Slipway begin with; give the application another name"}"#;

#[tokio::test]
async fn words_of_others_are_no_applications() {
    let server = Server::start().await;
    for word in RESERVED {
        for (method, path) in [
            (Method::POST, format!("/{word}/x")),
            (Method::DELETE, format!("/{word}/x")),
            (Method::POST, format!("/%{:02x}{}/x", word.as_bytes()[0], &word[1..])),
        ] {
            let request = server.request(method.clone(), &path).body(small().to_string());
            let refused = answer(request).await;
            let is_client_s = method == Method::POST && !["api", "b1", "webhooks"].contains(&word);
            if is_client_s || path.contains('%') {
                assert_eq!(refused.status, 400, "{method} {path}: {refused:?}");
                assert_eq!(refused.text, TAKEN, "{method} {path}");
            } else {
                assert!(matches!(refused.status, 404 | 405), "{method} {path}: {refused:?}");
            }
        }
    }
    // The others' paths are still theirs.
    assert_eq!(server.get("/health").await.status, 200);
    assert!(server.get("/api/v1/none").await.text.contains("\"Error\""));
    assert!(send(&server, "/api/v2", small()).await.text.contains("no_such_path"));
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));
    // What only begins like one of them is an application like any other.
    assert_eq!(send(&server, "/apis/x", small()).await.status, 200);
    assert_eq!(send(&server, "/API/x", small()).await.status, 200);
}

#[tokio::test]
async fn no_path_leads_out() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for path in [
        "/..%2f..%2fetc/passwd",
        "/a/..%2F..",
        "/a/%2e%2e",
        "/%2e/x",
        "/a%00b/x",
        "/a/b%0ac",
        "/a%5cb/c",
        "/a/b/c",
        "/a",
        "/a/",
        "//b",
    ] {
        let posted = server
            .raw(
                format!(
                    "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{}",
                    small().to_string().len(),
                    small()
                )
                .as_bytes(),
            )
            .await;
        let code = posted.split(' ').nth(1).unwrap_or_default().to_owned();
        table.push(format!("{path} {code}"));
    }
    insta::assert_snapshot!(table.join("\n"), @r"
    /..%2f..%2fetc/passwd 400
    /a/..%2F.. 400
    /a/%2e%2e 400
    /%2e/x 400
    /a%00b/x 400
    /a/b%0ac 400
    /a%5cb/c 400
    /a/b/c 404
    /a 404
    /a/ 404
    //b 404
    ");
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));
}
