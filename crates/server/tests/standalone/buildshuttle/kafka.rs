//! Logs of real builds in Kafka, as buildshuttle's clients read them there: a mock cluster of
//! librdkafka's, read by `kcat`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rdkafka::mocking::MockCluster;
use serde_json::{Value, json};
use slipway_test_support::certificates::{Authority, Valid};
use slipway_test_support::env;
use slipway_test_support::kafka_door::{Door, Keeping, Mechanism, Seen};
use slipway_test_support::port::Port;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::{context, curl, newest_over, post};
use crate::stack::{PATIENCE, Stack, fresh, one_host, unique};

/// All values of a topic, in order, each of which has the build's id as its key.
async fn read(brokers: &str, topic: &str, build: &str) -> Vec<Value> {
    let mut kcat = Command::new("kcat");
    kcat.args(["-C", "-q", "-e", "-b", brokers, "-t", topic, "-o", "beginning", "-f", "%k|%s\\n"]);
    let output = timeout(PATIENCE, kcat.kill_on_drop(true).output());
    let output = output.await.unwrap().expect("kcat is not there: apt-get install kcat");
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |line: &str| {
        let (key, value) = line.split_once('|').unwrap();
        assert_eq!(key, build, "{line}");
        serde_json::from_str(value).unwrap()
    };
    text.lines().map(value).collect()
}

/// Waits until all followers of a build are done.
async fn all_told(stack: &Stack, build: &str) {
    let began = Instant::now();
    loop {
        let told = stack.get(&format!("/api/v2/builds/{build}/followers")).await;
        let followers = told["followers"].as_array().unwrap();
        assert!(!followers.is_empty(), "{told:#}");
        if followers.iter().all(|one| one["state"] == "done") {
            return;
        }
        if began.elapsed() > PATIENCE {
            let tries = stack.get(&format!("/api/v2/builds/{build}/deliveries")).await;
            panic!("not all are told: {tries:#}");
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn messages(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["message"].as_str().unwrap()).collect()
}

fn sources() -> String {
    let archive = context(&fresh("echo said in the build && printf 'trimmed  \\n\\n'"));
    format!("data:application/gzip;base64,{}", STANDARD.encode(archive))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_and_a_failover_of_the_documented_one() {
    let stack = Stack::plain().await;
    let cluster = MockCluster::new(3).unwrap();
    let brokers = cluster.bootstrap_servers();
    for topic in ["one", "over"] {
        cluster.create_topic(topic, 1, 3).unwrap();
    }
    let first = brokers.split(',').next().unwrap();
    let nobody = Port::keep().unwrap();
    let body = json!({
        "metadata": "app-space",
        "webhooks": {"logs": [
            format!("kafka://{first}/one"),
            // One of them is down.
            format!("failover:(kafka://{}/over, kafka://{first}/over)", nobody.address()),
        ]},
        "source": {"url": sources()},
        "destination": {"image": format!("docker://{}/told/{}:1", env::registry(), unique())},
    });
    assert_eq!(post(&stack, "/web/17", &body).await.0, "200");
    let done = newest_over(&stack).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let id = done["id"].as_str().unwrap();
    all_told(&stack, id).await;
    let one = read(&brokers, "one", id).await;
    assert_eq!(read(&brokers, "over", id).await, one);
    for record in &one {
        let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["build", "job", "message", "metadata"]);
        let of_it = (&record["metadata"], &record["build"], &record["job"]);
        assert_eq!(of_it, (&json!("app-space"), &json!(17), &json!("17")));
    }
    let messages = messages(&one);
    assert!(messages.contains(&"said in the build"), "{messages:#?}");
    assert!(messages.contains(&"trimmed"), "{messages:#?}");
    assert!(messages.iter().any(|line| line.starts_with("Step 1/")), "{messages:#?}");
    assert_eq!(messages.last(), Some(&"Build finished"));
    assert_eq!(messages.iter().filter(|line| **line == "Build finished").count(), 1);
    stack.leaves_nothing(&[id]).await;
}

/// The cluster wants TLS and a login, which no request has: the settings do.
#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_one_to_a_cluster_with_a_login() {
    let cluster = MockCluster::new(1).unwrap();
    let brokers = cluster.bootstrap_servers();
    cluster.create_topic("alamobuildlogs", 1, 1).unwrap();
    let authority = Authority::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let keeping = Keeping {
        tls: Some(authority.for_names(&["localhost", "127.0.0.1"], Valid::Always).unwrap()),
        login: Some((Mechanism::ScramSha512, "slipway".into(), "hunter2".into())),
        advertised_port: None,
    };
    let port = brokers.rsplit_once(':').unwrap().1.parse().unwrap();
    let door = Door::before(port, keeping).await.unwrap();
    // The other one of the pair is down.
    let nobody = Port::keep().unwrap();
    let hosts = [nobody.address().to_string(), format!("localhost:{}", door.port())];
    let settings = format!(
        "[[kafka.clusters]]\nbrokers = [\"{}\", \"{}\"]\nsecurity = \"sasl_ssl\"\n\
         ca_file = \"{}\"\nsasl_mechanism = \"SCRAM-SHA-512\"\nusername = \"slipway\"\n\
         password = \"hunter2\"\n{}",
        hosts[0],
        hosts[1],
        ca.display(),
        one_host(&env::docker_host())
    );
    let stack = Stack::with(&settings).await;
    let (app, uuid) = (Uuid::new_v4(), Uuid::new_v4());
    let body = json!({
        "sha": "0123abcd", "app": "web", "space": "prod", "branch": "main", "repo": "o/web",
        "org": "o", "build_number": 3, "build_uuid": uuid, "app_uuid": app, "sources": sources(),
        "gm_registry_host": env::registry(), "gm_registry_repo": "told", "docker_registry": "",
        "kafka_hosts": hosts.join(","),
    });
    assert_eq!(post(&stack, "/", &body).await.0, "200");
    let done = newest_over(&stack).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let id = done["id"].as_str().unwrap();
    all_told(&stack, id).await;

    let records = read(&brokers, "alamobuildlogs", id).await;
    for record in &records {
        let of_it = (&record["metadata"], &record["build"], &record["job"]);
        assert_eq!(of_it, (&json!("web-prod"), &json!(3), &json!("3")));
    }
    let messages = messages(&records);
    assert_eq!(messages[0], format!("Generating build for web-prod build uuid {uuid}"));
    assert_eq!(messages[1], "Getting source code for o/web/main SHA 0123abcd...");
    // What a client reads there is what it reads here.
    let (_, log) = curl(&stack, &[], &format!("/web-{app}/3/logs")).await;
    let lines = log.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.chain(["Build finished"]).collect();
    assert_eq!(messages, lines);

    let seen = door.seen();
    assert!(seen.contains(&Seen::LoggedIn("SCRAM-SHA-512")), "{seen:?}");
    assert!(!stack.daemon.log().contains("hunter2"), "a password in the log");
    stack.leaves_nothing(&[id]).await;
}
