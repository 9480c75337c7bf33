//! One trace from the sender's request through the queue to each stage.

use std::time::Duration;

use serde_json::json;
use slipway_test_support::daemon::{Daemon, Role};
use slipway_test_support::env;

use crate::cluster::{Cluster, build};
use crate::collector::{Collector, Span};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER: &str = "00f067aa0ba902b7";

async fn traced(cluster: &Cluster, role: Role, name: &str, endpoint: &str) -> Daemon {
    let mut daemon = cluster.daemon(role, name);
    daemon.env.push(("OTEL_EXPORTER_OTLP_ENDPOINT".into(), endpoint.into()));
    daemon.env.push(("OTEL_BSP_SCHEDULE_DELAY".into(), "100".into()));
    daemon.start_again().await.unwrap();
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_one_trace() {
    let collector = Collector::start().await;
    let cluster = Cluster::new().await;
    let mut api = traced(&cluster, Role::Api, "api", &collector.url).await;
    let mut worker = traced(&cluster, Role::Worker, "worker", &collector.url).await;
    let login = env::registry_with_login();
    let mut asked = build(&format!("sleep 3; echo {}", login.password));
    asked["registry_auth"] =
        json!({login.host.clone(): {"username": login.user, "password": login.password}});
    let answer = api
        .http
        .post(format!("{}/api/v2/builds", api.url))
        .header("traceparent", format!("00-{TRACE}-{SENDER}-01"))
        .json(&asked)
        .send()
        .await
        .unwrap();
    let answer: serde_json::Value = answer.json().await.unwrap();
    let id = answer["id"].as_str().unwrap();
    assert_eq!(api.end(id).await.unwrap()["status"], "succeeded");
    // They send what is left before they end.
    for daemon in [&mut api, &mut worker] {
        daemon.signal("TERM").await.unwrap();
        assert!(daemon.ended().await.unwrap(), "{}", daemon.log());
    }

    let spans: Vec<Span> =
        collector.spans().into_iter().filter(|span| span.trace == TRACE).collect();
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name} in {spans:#?}"))
    };
    let request = named("POST /api/v2/builds");
    assert_eq!((&*request.parent, &*request.service), (SENDER, "slipway-api"));
    assert_eq!(request.attributes["build.id"], id);
    let build = named("build");
    assert_eq!((&build.parent, &*build.service), (&request.id, "slipway-worker"));
    assert_eq!(build.attributes["build.id"], id);
    assert_eq!(build.attributes["host.name"], "a");
    for (stage, outcome) in [
        ("preparing", "passed"),
        ("building", "passed"),
        ("pushing", "passed"),
        ("purging", "succeeded"),
    ] {
        let span = named(stage);
        assert_eq!(span.parent, build.id, "{stage}");
        assert_eq!(span.attributes["stage.outcome"], outcome, "{stage}");
    }
    let building = Duration::from_nanos(named("building").nanos);
    // It begins when the row says so, which may be a little after the step.
    assert!(building >= Duration::from_secs(1), "{building:?}");
    assert!(!collector.has_seen(&login.password), "a span shows the password");
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    let cluster = Cluster::new().await;
    // Takes connections and never answers.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let api = traced(&cluster, Role::Api, "api", &url).await;
    let mut worker = traced(&cluster, Role::Worker, "worker", "http://127.0.0.1:1").await;
    let answer = api.submit(&build("true")).await.unwrap();
    let id = answer["id"].as_str().unwrap();
    assert_eq!(api.end(id).await.unwrap()["status"], "succeeded");
    let began = std::time::Instant::now();
    worker.signal("TERM").await.unwrap();
    assert!(worker.ended().await.unwrap(), "{}", worker.log());
    assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    let said = worker.log().matches("the collector takes no spans").count();
    assert_eq!(said, 1, "{}", worker.log());
    drop(api);
    cluster.remove().await;
}
