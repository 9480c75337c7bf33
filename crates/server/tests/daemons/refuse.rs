//! What a daemon does not start with, and what it says then.

use serde_json::json;
use slipway_test_support::daemon::Role;
use tokio::process::Command;

use crate::cluster::{Cluster, SLIPWAYD, build, submitted};

/// Starts a role with these variables alone. It must refuse; what it says.
async fn refused(role: &str, variables: &[(&str, &str)]) -> String {
    let ended = Command::new(SLIPWAYD)
        .arg(role)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .await
        .unwrap();
    assert!(!ended.status.success(), "{role} {variables:?}");
    String::from_utf8(ended.stderr).unwrap()
}

#[tokio::test]
async fn what_only_standalone_works_with() {
    const POSTGRES: (&str, &str) = ("SLIPWAY__DATABASE__URL", "postgres://u:hunter2@127.0.0.1:1/x");
    const BROKER: (&str, &str) = ("SLIPWAY__QUEUE__URL", "amqp://u:hunter2@127.0.0.1:1");
    const BLOBS: (&str, &str) = ("SLIPWAY__BLOBS__URL", "file:///tmp/slipway-test-refused");
    for role in ["api", "worker"] {
        for (key, variables) in [
            ("database.url", &[][..]),
            ("database.url", &[("SLIPWAY__DATABASE__URL", "sqlite:///tmp/x.db")]),
            ("queue.url", &[POSTGRES]),
            ("queue.url", &[POSTGRES, ("SLIPWAY__QUEUE__URL", "local:")]),
            ("blobs.url", &[POSTGRES, BROKER]),
            ("secrets.key_file", &[POSTGRES, BROKER, BLOBS]),
            ("secrets.key", &[POSTGRES, BROKER, BLOBS, ("SLIPWAY__SECRETS__KEY", "hunter2")]),
        ] {
            let said = refused(role, variables).await;
            assert!(said.contains(key), "{variables:?}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
            if key == "database.url" || key == "queue.url" {
                assert!(said.contains("slipwayd standalone"), "{said}");
            }
        }
    }
    assert!(refused("migrate", &[]).await.contains("database.url"));
}

#[tokio::test]
async fn a_log_format_that_there_is_not() {
    let said = refused("standalone", &[("LOG_FORMAT", "xml")]).await;
    assert!(said.contains("write text or json"), "{said}");
}

#[tokio::test]
async fn a_protocol_for_traces_that_is_not_spoken() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
    let said = refused("standalone", &[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).await;
    assert!(said.contains("OTEL_EXPORTER_OTLP_PROTOCOL is grpc"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_migrations() {
    let cluster = Cluster::empty().await;
    for (role, name) in [(Role::Api, "api"), (Role::Worker, "worker")] {
        let mut daemon = cluster.daemon(role, name);
        daemon.spawn().unwrap();
        assert!(!daemon.ended().await.unwrap());
        assert!(daemon.log().contains("`slipwayd migrate`"), "{}", daemon.log());
    }
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_there_is_not() {
    let mut cluster = Cluster::empty().await;
    cluster.database_url.push_str("_not");
    let mut api = cluster.daemon(Role::Api, "api");
    api.spawn().unwrap();
    assert!(!api.ended().await.unwrap());
    let log = api.log();
    assert!(log.contains("the server that database.url names says: database"), "{log}");
    // Not where in its own source the server says so.
    assert!(log.contains("does not exist") && !log.contains("at line"), "{log}");
    cluster.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_on_the_machine_of_the_worker() {
    let cluster = Cluster::new().await;
    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started(Role::Worker, "worker").await;
    let mut wanted = build("true");
    for source in [
        json!({"type": "archive", "url": format!("{}/app.tgz", api.url)}),
        json!({"type": "git", "url": format!("{}/app.git", api.url)}),
    ] {
        wanted["source"] = source;
        let id = submitted(&api, &wanted).await;
        let done = api.end(&id).await.unwrap();
        let failure = &done["failure"];
        assert_eq!(failure["reason"], "address_refused", "{done:#}");
        assert!(failure["hint"].as_str().unwrap().contains("allowed_addresses"), "{done:#}");
    }
    drop((api, worker));
    cluster.remove().await;
}
