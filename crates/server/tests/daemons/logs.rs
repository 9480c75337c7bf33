//! The log, for machines.

use serde_json::Value;
use slipway_test_support::daemon::{Daemon, Role};

use crate::cluster::{Cluster, build, submitted};
use crate::frozen::until;

/// What it has logged, without a line that it is at.
fn whole_lines(daemon: &Daemon) -> String {
    let mut log = daemon.log();
    log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
    log
}

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
        // The worker says so when it is through, a moment after the end is written.
        until(said, || whole_lines(daemon).contains(said)).await;
        let lines: Vec<Value> = whole_lines(daemon)
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
