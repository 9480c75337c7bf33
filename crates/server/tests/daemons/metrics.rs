//! The numbers after real builds.

use std::collections::BTreeMap;
use std::time::Duration;

use slipway_test_support::daemon::{Daemon, Role};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, build, submitted};

/// How long samples are waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Each sample by its name and labels as they are written, after a look at the whole text:
/// every family has its help and type before its samples, and comes once.
async fn scrape(daemon: &Daemon) -> BTreeMap<String, f64> {
    let answer = daemon.http.get(format!("{}/metrics", daemon.url)).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    let mut family = String::new();
    let (mut helped, mut typed) = (BTreeMap::new(), BTreeMap::new());
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helped.insert(name.to_owned(), help.to_owned()).is_none(), "twice: {line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(typed.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
            family = name.to_owned();
            assert!(helped.contains_key(&family), "no help before {line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert!(series.starts_with(&family), "{line} stands under {family}");
            let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    samples
}

/// Scrapes until these samples are as wanted, all at once.
async fn scraped(daemon: &Daemon, wanted: &[(&str, f64)]) -> BTreeMap<String, f64> {
    let began = Instant::now();
    loop {
        let samples = scrape(daemon).await;
        if wanted.iter().all(|(series, value)| samples.get(*series) == Some(value)) {
            return samples;
        }
        assert!(began.elapsed() < PATIENCE, "not {wanted:?}: {samples:#?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// How often a stage went so, by its label.
fn laps(stage: &str, outcome: &str) -> String {
    format!("slipway_stage_duration_seconds_count{{stage=\"{stage}\",outcome=\"{outcome}\"}}")
}

#[tokio::test(flavor = "multi_thread")]
async fn they_say_what_happened_and_how_things_stand() {
    let cluster = Cluster::new().await;
    let api = cluster.started(Role::Api, "api").await;
    // Three wait, one of them for a platform that nobody has.
    let good = submitted(&api, &build("echo well done")).await;
    let bad = submitted(&api, &build("false")).await;
    let mut arm = build("true");
    arm["platform"] = "linux/riscv64".into();
    let stays = submitted(&api, &arm).await;
    let before = scraped(&api, &[("slipway_queue_depth{platform=\"any\"}", 2.0)]).await;
    assert_eq!(before["slipway_queue_depth{platform=\"linux/riscv64\"}"], 1.0);
    assert!(before["slipway_queue_oldest_wait_seconds{platform=\"any\"}"] >= 0.0);
    assert_eq!(before["slipway_builds{state=\"queued\"}"], 3.0);
    assert_eq!(before["slipway_database_up"], 1.0);
    assert_eq!(before["slipway_builds_submitted_total"], 3.0);
    // Nobody follows, and no forge has told anything.
    for waiting in ["slipway_followers_due", "slipway_webhook_inbox"] {
        let oldest = format!("{waiting}_oldest_seconds");
        assert_eq!((before[waiting], before[&oldest]), (0.0, 0.0), "{waiting}");
    }
    assert_eq!(
        before["slipway_http_requests_total{method=\"POST\",route=\"/api/v2/builds\",status=\"202\"}"],
        3.0
    );

    let worker = cluster.started(Role::Worker, "worker").await;
    assert_eq!(api.end(&good).await.unwrap()["status"], "succeeded");
    assert_eq!(api.end(&bad).await.unwrap()["status"], "failed");
    // The last of its stages is over a moment after the build is.
    let ends = [laps("purging", "succeeded"), laps("purging", "failed")];
    let ends = ends.each_ref().map(|series| (&**series, 1.0));
    let done = scraped(&worker, &ends).await;
    assert_eq!(done["slipway_builds{state=\"queued\"}"], 1.0);
    let finished = |outcome: &str, fault: &str| {
        done[&format!("slipway_builds_finished_total{{outcome=\"{outcome}\",fault=\"{fault}\"}}")]
    };
    assert_eq!(
        (finished("succeeded", "none"), finished("failed", "user")),
        (1.0, 1.0),
        "{done:#?}"
    );
    assert_eq!(done[&laps("preparing", "passed")], 2.0, "{done:#?}");
    assert_eq!(done[&laps("pushing", "passed")], 1.0, "{done:#?}");
    assert_eq!(done["slipway_build_wait_seconds_count"], 2.0);
    assert!(done["slipway_log_bytes_total"] > 0.0);
    assert_eq!(done["slipway_host_slots{host=\"a\"}"], 4.0);
    assert_eq!(done["slipway_host_healthy{host=\"a\"}"], 1.0);
    assert_eq!(done["slipway_host_drained{host=\"a\"}"], 0.0);
    // On a busy machine the builds are found by polling before the broker is there.
    scraped(&worker, &[("slipway_outbox_bells", 0.0), ("slipway_queue_up", 1.0)]).await;

    assert_eq!(api.cancel(&stays).await.unwrap(), 202);
    let after = scraped(&api, &[("slipway_builds{state=\"queued\"}", 0.0)]).await;
    assert_eq!(after["slipway_builds_finished_total{outcome=\"cancelled\",fault=\"none\"}"], 1.0);
    // No path of a build is a label: that would be a series for each.
    assert!(after.keys().all(|series| !series.contains(&good)), "{after:#?}");
    drop((api, worker));
    cluster.remove().await;
}
