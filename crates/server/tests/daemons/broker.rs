//! A broker that is away, or loses its patience.

use std::time::Duration;

use serde_json::Value;
use slipway_domain::BuildId;
use slipway_queue::{News, Queue};
use slipway_test_support::broker::Broker;
use slipway_test_support::daemon::{Daemon, Role};
use tokio::time::{sleep, timeout};

use crate::cluster::{Cluster, build, check, submitted, until};
use crate::history::History;

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn away_at_the_start_and_once_more_under_builds() {
    let (cluster, wire) = Cluster::wired_to_broker().await;
    wire.cut();
    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started(Role::Worker, "worker").await;
    works_by_polling(&cluster, &api, &worker).await;

    wire.mend();
    works_by_bells(&cluster, &api, &worker).await;

    // Silent, which is worse than gone, for longer than anything of theirs waits: two
    // heartbeats, five seconds for a bell, ten for a sweep.
    wire.hold();
    let began = tokio::time::Instant::now();
    let runs = submitted(&api, &build("sleep 2")).await;
    works_by_polling(&cluster, &api, &worker).await;
    History::of_success(&api, &runs, 1).await;
    sleep(Duration::from_secs(12).saturating_sub(began.elapsed())).await;
    works_by_polling(&cluster, &api, &worker).await;

    wire.mend();
    works_by_bells(&cluster, &api, &worker).await;
    drop((api, worker));
    cluster.remove().await;
}

/// Builds are accepted and built; both say that they are degraded, and why.
async fn works_by_polling(cluster: &Cluster, api: &Daemon, worker: &Daemon) {
    for daemon in [api, worker] {
        let degraded = |status: u16, health: &Value| {
            status == 200
                && check(health, "queue").0 == "degraded"
                && health["status"] == "degraded"
        };
        let ready = until(daemon, "/health/ready", degraded).await;
        let (_, message) = check(&ready, "queue");
        assert!(!message.is_empty() && !message.contains(&cluster.broker.password()), "{message}");
    }
    let id = submitted(api, &build("true")).await;
    History::of_success(api, &id, 1).await;
}

/// Both are well, news reach another process, and no bell is left in the outbox.
async fn works_by_bells(cluster: &Cluster, api: &Daemon, worker: &Daemon) {
    for daemon in [api, worker] {
        until(daemon, "/health/ready", |_, health| health["status"] == "healthy").await;
    }
    let queue = Queue::open(&cluster.broker.url()).unwrap();
    let mut ear = queue.listen();
    timeout(PATIENCE, async {
        while queue.problem().is_some() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    let id = submitted(api, &build("true")).await;
    let build: BuildId = id.parse().unwrap();
    let heard = async { while ear.next().await != News::Happened(build) {} };
    timeout(PATIENCE, heard).await.unwrap();
    History::of_success(api, &id, 1).await;
    let rung = async {
        loop {
            let numbers = api.http.get(format!("{}/metrics", api.url)).send().await.unwrap();
            if numbers.text().await.unwrap().lines().any(|line| line == "slipway_outbox_bells 0") {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, rung).await.unwrap();
}

/// RabbitMQ gives up on whoever holds a delivery for too long, and delivers it again; looked
/// at each tick. Half an hour and a minute where nothing is set. Whoever stands still between its
/// claim and the word for it holds one, too: so it is no shorter.
const IMPATIENT: &str = "[{rabbit, [{consumer_timeout, 4000}, {channel_tick_interval, 1000}]}].";

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_outlasts_its_patience_is_built_once() {
    let broker = Broker::start_with(IMPATIENT).await.unwrap();
    let mut cluster = Cluster::new().await;
    cluster.broker_url = broker.url().unwrap();
    let (holds, other) = (queue(&cluster).await, queue(&cluster).await);
    holds.ring(&[BuildId::generate()]).await.unwrap();
    let held = timeout(PATIENCE, holds.bells().next()).await.unwrap();
    let again = timeout(PATIENCE, other.bells().next()).await;
    again.expect("it is not impatient, and this shows nothing").answered();
    drop(held);

    let api = cluster.started(Role::Api, "api").await;
    let alone = [("SLIPWAY__WORKER__CONCURRENCY", "1")];
    let workers = [
        cluster.started_with(Role::Worker, "one", &alone).await,
        cluster.started_with(Role::Worker, "two", &alone).await,
    ];
    // One more than there are slots: its bell is for nobody to hold meanwhile.
    let build = build("sleep 8");
    let ids = [
        submitted(&api, &build).await,
        submitted(&api, &build).await,
        submitted(&api, &build).await,
    ];
    for id in &ids {
        let history = History::of_success(&api, id, 1).await;
        let once = ["queued", "preparing", "building", "pushing", "purging", "succeeded"];
        assert_eq!(history.states(), once);
    }
    // And nobody lost its connection over it.
    for daemon in [&api, &workers[0], &workers[1]] {
        assert!(!daemon.log().contains("the broker is away"), "{}", daemon.log());
    }
    drop((api, workers));
    cluster.remove().await;
}

/// A queue that is connected.
async fn queue(cluster: &Cluster) -> Queue {
    let queue = Queue::open(&cluster.broker_url).unwrap();
    timeout(PATIENCE, async {
        while queue.problem().is_some() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    queue
}
