//! The log, for machines.

use serde_json::Value;
use slipway_test_support::daemon::Role;

use crate::cluster::{Cluster, build, submitted};

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_json_and_names_its_build_in_one_field() {
    let cluster = Cluster::new().await;
    let mut daemons = [cluster.daemon(Role::Api, "api"), cluster.daemon(Role::Worker, "worker")];
    for daemon in &mut daemons {
        daemon.env.push(("LOG_FORMAT".into(), "json".into()));
        daemon.env.push(("RUST_LOG".into(), "info".into()));
        daemon.start_again().await.unwrap();
    }
    let id = submitted(&daemons[0], &build("echo hello")).await;
    assert_eq!(daemons[0].end(&id).await.unwrap()["status"], "succeeded");
    for (daemon, said) in daemons.iter().zip(["a build is in line", "build left this worker"]) {
        let lines: Vec<Value> = daemon
            .log()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect();
        for line in &lines {
            for field in ["timestamp", "level", "target", "message"] {
                assert!(line[field].is_string(), "{field}: {line}");
            }
            // Whatever mentions the build has it where it is looked for.
            assert_eq!(line.to_string().contains(&id), line["build.id"] == id.as_str(), "{line}");
        }
        let found = lines.iter().find(|line| line["message"] == said);
        let found = found.unwrap_or_else(|| panic!("{said:?} is not in {lines:#?}"));
        assert_eq!(found["build.id"], id.as_str());
    }
    drop(daemons);
    cluster.remove().await;
}
