//! buildshuttle's shipped contract, with requests as its clients send them.

use reqwest::Method;
use serde_json::{Value, json};
use slipway_domain::{Source, Stage, StepStatus};
use slipway_store::builds::Ending;

use crate::server::{Answer, Server, answer};
use crate::worker::{Worker, a_failure, line, step};

const BUILD: &str = "56bce159-87a7-437f-bed3-2da4e44d9eee";
const APP: &str = "56bce159-87a7-437f-bed3-2da4e44d9cf3";

fn payload(changes: Value) -> Value {
    let mut payload = json!({
        "sha": "0123abcd", "app": "web", "space": "prod", "branch": "main",
        "repo": "https://github.com/o/web", "org": "o", "build_number": 7, "build_uuid": BUILD,
        "app_uuid": APP, "sources": "https://files.example/web.zip",
        "build_args": {"TOKEN": "two\nlines", "a-b": 1}, "callback": "https://c.example/builds/1",
        "callback_auth": "Bearer c", "kafka_hosts": "k1:9092, k2:9092",
        "gm_registry_host": "r.example", "gm_registry_repo": "org",
        "gm_registry_auth": {"username": "u", "password": "p", "serveraddress": "r.example"},
        "docker_registry": "", "docker_login": "", "docker_password": "",
    });
    for (name, value) in changes.as_object().unwrap() {
        payload[name] = value.clone();
    }
    payload
}

async fn send(server: &Server, changes: Value) -> Answer {
    server.post("/", payload(changes).to_string()).await
}

async fn accepted(server: &Server, changes: Value) {
    assert_eq!(send(server, changes).await.line(), r#"200 {"status":"ok"}"#);
}

async fn delete(server: &Server, path: &str) -> String {
    answer(server.request(Method::DELETE, path)).await.line()
}

fn at(rest: &str) -> String {
    format!("/web-{APP}{rest}")
}

#[tokio::test]
async fn a_build_as_its_controller_submits_it() {
    let server = Server::start().await;
    accepted(&server, json!({})).await;
    let claimed = Worker::start(&server).await.claim().await;
    let spec = claimed.spec;
    let images: Vec<String> = spec.images().map(ToString::to_string).collect();
    let image = format!("r.example/org/web-{APP}");
    assert_eq!(images, [format!("{image}:1.7"), format!("{image}:latest")]);
    let labels: Vec<_> = spec.labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        labels,
        [
            "app=web".into(),
            format!("app_uuid={APP}"),
            format!("build_uuid={BUILD}"),
            "space=prod".into()
        ]
    );
    let args: Vec<_> = spec.args.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(args, ["TOKEN=two\nlines", "ab=1"]);
    assert_eq!(
        spec.log_opening,
        [
            format!("Generating build for web-prod build uuid {BUILD}"),
            "Getting source code for https://github.com/o/web/main SHA 0123abcd...".into(),
        ]
    );
    let login = claimed.secrets.registry_auth.iter().next().unwrap();
    assert_eq!((login.0.as_str(), login.1.username.as_str()), ("r.example", "u"));
    assert!(spec.args_in_every_stage);
}

#[tokio::test]
async fn a_login_in_the_name_of_a_repository_is_shown_to_nobody() {
    let server = Server::start().await;
    accepted(
        &server,
        json!({
            "repo": "https://x-access-token:hunter2@github.com/o/web?token=hunter2",
            "org": "https://hunter2@github.com/o", "branch": "main", "callback": "",
        }),
    )
    .await;
    let list = server.get("/api/v2/builds").await.json();
    let build = &list["builds"][0];
    assert_eq!(build["metadata"]["repo"], "https://github.com/o/web", "{list:#}");
    assert_eq!(build["metadata"]["branch"], "main");
    let claimed = Worker::start(&server).await.claim().await;
    assert!(!format!("{list} {:?}", claimed.spec).contains("hunter2"), "{:?}", claimed.spec);
}

#[tokio::test]
async fn each_required_field() {
    let server = Server::start().await;
    for name in [
        "sources",
        "app",
        "space",
        "app_uuid",
        "gm_registry_host",
        "gm_registry_repo",
        "build_number",
        "build_uuid",
    ] {
        for empty in [Value::Null, json!(""), json!(0)] {
            let refused = send(&server, json!({ name: empty })).await.line();
            let expected = r#"400 {"status":"Bad Request - missing fields."}"#;
            assert_eq!(refused, expected, "{name}");
        }
    }
    for name in ["sha", "branch", "repo", "org", "callback", "callback_auth", "kafka_hosts"] {
        accepted(&server, json!({ name: null })).await;
    }
    for name in ["build_args", "gm_registry_auth", "docker_registry"] {
        accepted(&server, json!({ name: null })).await;
    }
    // A registry without logins.
    for nobody in [json!({}), json!(""), json!({"username": "", "password": "", "x": 1})] {
        accepted(&server, json!({ "gm_registry_auth": nobody })).await;
    }
    accepted(&server, json!({"build_number": "12"})).await;
}

#[tokio::test]
async fn what_does_not_fit() {
    let server = Server::start().await;
    let mut table = Vec::new();
    for changes in [
        json!({"build_uuid": "7"}),
        json!({"build_uuid": format!("{BUILD}0")}),
        json!({"build_uuid": BUILD.replace('-', "")}),
        json!({"build_uuid": format!("../{BUILD}")}),
        json!({"app_uuid": "../../x"}),
        json!({"build_number": "../7"}),
        json!({"build_number": 1.5}),
        json!({"build_number": -3}),
        json!({"app": "../../web"}),
        json!({"app": "Web"}),
        json!({"gm_registry_host": "https://r.example"}),
        json!({"gm_registry_repo": "Org"}),
        json!({"gm_registry_host": ["hunter2"]}),
        json!({"app": true}),
        json!({"space": {"hunter2": 1}}),
        json!({"space": "a\u{0}b"}),
        json!({"sources": ["https://hunter2.example/"]}),
        json!({"docker_registry": ["hunter2"]}),
        json!({"docker_registry": "r.example/Web"}),
        json!({"build_options": ["ARG A=hunter2"]}),
        json!({"build_opts": {"A": "hunter2"}}),
        json!({"sources": "ftp://u:hunter2@x"}),
        json!({"sources": "data:;base64,aGVsbG8="}),
        json!({"callback": "callback"}),
        json!({"kafka_hosts": "broker"}),
        json!({"build_args": "A"}),
        json!({"build_args": {"hunter2": ["x"]}}),
        json!({"callback": ["https://hunter2.example/"]}),
        json!({"callback": "http:/127.0.0.1/hunter2"}),
        json!({"callback": "https://a@hunter2@c.example/"}),
        json!({"callback": "https://c.example\\@hunter2.example/"}),
        json!({"callback": "https://c.example:0/hunter2"}),
        json!({"callback": "https://c.example/#hunter2"}),
        json!({"callback": "http://10.1.2.3/hunter2"}),
        json!({"callback_auth": "hunter2\nx"}),
        json!({"callback_auth": {"token": "hunter2"}}),
        json!({"kafka_hosts": "k1:9092,10.1.2.3:9092"}),
        json!({"kafka_hosts": "k1:9092,k2:0"}),
        json!({"kafka_hosts": "a@hunter2@k1:9092"}),
        json!({"kafka_hosts": "k1\\hunter2:9092"}),
        json!({"kafka_hosts": {"k1": 9092}}),
        json!({"gm_registry_auth": "hunter2"}),
        json!({"gm_registry_auth": ["hunter2"]}),
        json!({"gm_registry_auth": {"password": "hunter2"}}),
        json!({"gm_registry_auth": {"username": ["hunter2"], "password": "x"}}),
        json!({"gm_registry_auth": {"username": "u", "password": {"hunter2": 1}}}),
        json!({"docker_login": "u", "docker_password": ["hunter2"]}),
    ] {
        table.push(send(&server, changes).await.line());
    }
    for body in ["", "{", "[]"] {
        table.push(server.post("/", body).await.line());
    }
    let all = table.join("\n");
    assert!(!all.contains("hunter2"), "{all}");
    insta::assert_snapshot!(all);
    assert_eq!(server.get("/api/v2/builds").await.json()["builds"], json!([]));
}

#[tokio::test]
async fn an_image_in_place_of_a_source() {
    let server = Server::start().await;
    let worker = Worker::start(&server).await;
    let mut table = Vec::new();
    for changes in [
        json!({"sources": "docker://su:sp@q.example/o/i:1"}),
        json!({"sources": "docker://su:sp@q.example/o/i:1", "docker_login": "du", "docker_password": "dp"}),
        // The newer controllers say it twice.
        json!({"sources": "docker://q.example/o/i:1", "docker_registry": "q.example/o/i:1",
            "docker_login": "du", "docker_password": "dp"}),
        // The jenkins job had it here alone.
        json!({"sources": "", "docker_registry": "q.example/o/i:1", "docker_login": "du",
            "docker_password": "dp"}),
        json!({"sources": "https://x.example/a.zip", "docker_registry": "q.example/o/i:1"}),
    ] {
        accepted(&server, changes).await;
        let claimed = worker.claim().await;
        let Source::Image { image, all_platforms: false } = &claimed.spec.source else {
            panic!("{:?}", claimed.spec)
        };
        let login = claimed.secrets.source.login.as_ref();
        let login = login.map(|login| format!("{}:{}", login.username, login.password.expose()));
        table.push(format!("{image} {}", login.unwrap_or_default()));
        worker.finish(&claimed.lease, Ending::Cancelled).await;
    }
    insta::assert_snapshot!(table.join("\n"), @r"
    q.example/o/i:1 su:sp
    q.example/o/i:1 du:dp
    q.example/o/i:1 du:dp
    q.example/o/i:1 du:dp
    q.example/o/i:1 
    ");
}

#[tokio::test]
async fn arguments_as_the_jenkins_job_had_them() {
    let server = Server::start().await;
    let options = "ARG KEY=\"a \\\"b\\\"\"\nARG COMMIT_SHA=0123\n";
    for name in ["build_options", "build_opts"] {
        accepted(&server, json!({ name: options, "build_args": {"COMMIT_SHA": "4567"} })).await;
        let worker = Worker::start(&server).await;
        let claimed = worker.claim().await;
        let args: Vec<_> = claimed.spec.args.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(args, ["COMMIT_SHA=4567", "KEY=a \"b\""]);
        worker.finish(&claimed.lease, Ending::Cancelled).await;
    }
}

#[tokio::test]
async fn status_and_log_as_they_go_on() {
    let server = Server::start().await;
    let seen = async || {
        let status = server.get(&at("/7/status")).await.line();
        let logs = server.get(&at("/7/logs")).await;
        format!("{status}\n{}", logs.line())
    };
    let mut table = vec![seen().await];
    accepted(&server, json!({})).await;
    table.push(seen().await);
    let worker = Worker::start(&server).await;
    let lease = worker.claim().await.lease;
    worker.advance(&lease, Stage::Building).await;
    table.push(seen().await);
    worker.say(&lease, &[step(StepStatus::Started), line("say \"hello\"\n")]).await;
    table.push(seen().await);
    worker.advance(&lease, Stage::Pushing).await;
    worker.advance(&lease, Stage::Purging).await;
    worker.finish(&lease, Ending::Succeeded).await;
    table.push(seen().await);
    insta::assert_snapshot!(table.join("\n"), @r#"
    404 {"status":"Not Found"}
    404 {"status":"Not Found"}
    200 {"id":7,"building":true,"status":"pending","type":"buildshuttle"}
    404 {"status":"Not Found"}
    200 {"id":7,"building":true,"status":"pending","type":"buildshuttle"}
    404 {"status":"Not Found"}
    200 {"id":7,"building":true,"status":"pending","type":"buildshuttle"}
    200 Step 1/1 : RUN make
    say "hello"

    200 {"id":7,"building":false,"status":"succeeded","type":"buildshuttle"}
    200 Step 1/1 : RUN make
    say "hello"
    "#);
    assert_eq!(
        server.get(&at("/7/logs")).await.header("content-type"),
        "text/plain; charset=utf-8"
    );
    for (ending, word) in [
        (Ending::Failed(a_failure()), "failed"),
        (Ending::TimedOut(a_failure()), "failed"),
        (Ending::Cancelled, "stopped"),
    ] {
        accepted(&server, json!({"build_number": 8})).await;
        let lease = worker.claim().await.lease;
        worker.finish(&lease, ending).await;
        let status = server.get(&at("/8/status")).await.json();
        assert_eq!((&status["status"], &status["building"]), (&json!(word), &json!(false)));
    }
    let upper = format!("/web-{}/8/status", APP.to_uppercase());
    assert_eq!(server.get(&upper).await.status, 200);
    for path in ["/08/status", "/x/logs", "/-8/status", "/9/logs", "/..%2f8/logs"] {
        assert_eq!(server.get(&at(path)).await.line(), r#"404 {"status":"Not Found"}"#, "{path}");
    }
}

#[tokio::test]
async fn stopping_is_always_well() {
    let server = Server::start().await;
    let ok = r#"200 {"status":"ok"}"#;
    assert_eq!(delete(&server, &at("/7")).await, ok);
    assert_eq!(delete(&server, &at("")).await, ok);
    for number in [1, 2, 3] {
        let uuid = format!("56bce159-87a7-437f-bed3-2da4e44d9ee{number}");
        accepted(&server, json!({"build_number": number, "build_uuid": uuid})).await;
    }
    accepted(&server, json!({"app": "other", "build_number": 9})).await;
    let status =
        async |n: u32| server.get(&at(&format!("/{n}/status"))).await.json()["status"].clone();
    assert_eq!(delete(&server, &at("/2")).await, ok);
    assert_eq!(delete(&server, &at("/2")).await, ok);
    assert_eq!(
        [status(1).await, status(2).await, status(3).await],
        ["pending", "stopped", "pending"]
    );
    assert_eq!(delete(&server, &at("")).await, ok);
    assert_eq!([status(1).await, status(3).await], ["stopped", "stopped"]);
    let other = format!("/other-{APP}/9/status");
    assert_eq!(server.get(&other).await.json()["status"], "pending");
    // A build of the documented dialect under such a name is stopped as well.
    let body =
        json!({"source": {"url": "https://x.example/a"}, "destination": {"url": "r.example/a"}});
    assert_eq!(server.post(&at("/x"), body.to_string()).await.status, 200);
    assert_eq!(delete(&server, &at("/x")).await, ok);
    assert_eq!(server.post(&at("/x"), body.to_string()).await.status, 200);
}

#[tokio::test]
async fn a_number_again_takes_the_place_of_what_runs() {
    let server = Server::start().await;
    accepted(&server, json!({})).await;
    accepted(&server, json!({"build_uuid": "56bce159-87a7-437f-bed3-2da4e44d9ee1"})).await;
    let builds = server.get("/api/v2/builds").await.json();
    let statuses: Vec<_> =
        builds["builds"].as_array().unwrap().iter().map(|b| b["status"].clone()).collect();
    assert_eq!(statuses, ["queued", "cancelled"]);
    assert_eq!(server.get(&at("/7/status")).await.json()["status"], "pending");
}

#[tokio::test]
async fn it_is_alive() {
    let server = Server::start().await;
    let alive = server.get("/octhc").await;
    assert_eq!(alive.line(), "200 overall_status=good");
    assert_eq!(server.post("/octhc", "").await.status, 405);
}
