//! Topics at the mock cluster of librdkafka, read by `kcat`, and clusters that do not behave.

use std::net::SocketAddr;
use std::time::Duration;

use rdkafka::mocking::MockCluster;
use slipway_domain::{Follower, FollowerForm, FollowerKind, Stage};
use slipway_outbound::AddressPolicy;
use slipway_store::followers::{DeliveryOutcome, FollowerState};
use tokio::net::TcpSocket;
use tokio::process::Command;

use crate::scene::{Scene, follower, quick, status_at};
use slipway_test_support::receiver::{Receiver, status};

/// All records of a topic: key, header and value of each, a line each.
pub(crate) async fn read(brokers: &str, topic: &str, count: usize) -> Vec<String> {
    let format = "%k|%h|%s\\n";
    let count = count.to_string();
    let mut kcat = Command::new("kcat");
    kcat.args(["-C", "-q", "-b", brokers, "-t", topic, "-o", "beginning", "-f", format]);
    kcat.args(["-c", &count]).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(60), kcat.output()).await.unwrap();
    let output = output.expect("kcat is not there: apt-get install kcat");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// An address at which nobody listens, for as long as the socket is held: nobody else is given
/// its port meanwhile.
pub(crate) fn nobody() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    (socket.local_addr().unwrap(), socket)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_has_the_log_in_order_in_the_words_of_each_form() {
    let cluster = MockCluster::new(3).unwrap();
    for topic in ["native", "shuttle", "states"] {
        cluster.create_topic(topic, 1, 1).unwrap();
    }
    let brokers = cluster.bootstrap_servers();
    let at = |topic: &str, kind| follower(kind, &format!("kafka://{brokers}/{topic}"));
    let form = FollowerForm::Callback { metadata: "app-space".into(), build: 12 };
    let mut scene = Scene::with(&[
        at("native", FollowerKind::Logs),
        Follower { form, ..at("shuttle", FollowerKind::Logs) },
        at("states", FollowerKind::Status),
    ])
    .await;
    scene.push();
    let lease = scene.claim().await;
    scene.enter(&lease, Stage::Building).await;
    scene.say(&lease, "hello  \nworld\n").await;
    scene.end(&lease).await;
    scene.until(|all| all.iter().all(|one| one.state == FollowerState::Done)).await;

    let build = scene.build.to_string();
    let native = read(&brokers, "native", 5).await;
    assert_eq!(native.len(), 5, "{native:?}");
    for (seq, record) in (1..).zip(&native) {
        let prefix = format!("{build}|slipway-sequence={seq},slipway-build={build}|");
        let value = record.strip_prefix(&prefix).unwrap_or_else(|| panic!("{record}"));
        let value: serde_json::Value = serde_json::from_str(value).unwrap();
        assert_eq!(value["seq"], seq);
    }
    let shuttle = read(&brokers, "shuttle", 3).await;
    let values: Vec<&str> =
        shuttle.iter().map(|record| record.splitn(3, '|').nth(2).unwrap()).collect();
    insta::assert_snapshot!(values.join("\n"), @r#"
    {"build":12,"job":"12","message":"hello","metadata":"app-space"}
    {"build":12,"job":"12","message":"world","metadata":"app-space"}
    {"build":12,"job":"12","message":"Build finished","metadata":"app-space"}
    "#);
    let states = read(&brokers, "states", 4).await;
    assert!(states.iter().all(|record| record.contains("\"type\":\"build.")), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_die_in_the_middle_and_come_back_lose_nothing() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    let url = format!("kafka://{brokers}/t");
    let mut scene = Scene::with(&[follower(FollowerKind::Logs, &url)]).await;
    scene.push();
    let lease = scene.claim().await;
    scene.enter(&lease, Stage::Building).await;
    scene.say(&lease, "before\n").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    cluster.broker_down(1).unwrap();
    scene.say(&lease, "while\n").await;
    scene.end(&lease).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    cluster.broker_up(1).unwrap();
    scene.until(|all| all[0].state == FollowerState::Done).await;
    let records = read(&brokers, "t", 6).await;
    let seqs: Vec<i64> = records
        .iter()
        .map(|record| {
            let value = record.splitn(3, '|').nth(2).unwrap();
            serde_json::from_str::<serde_json::Value>(value).unwrap()["seq"].as_i64().unwrap()
        })
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_there_holds_up_nobody() {
    let good = Receiver::start(|_| status(200)).await.unwrap();
    let (nobody, _held) = nobody();
    let mut scene = Scene::with(&[
        follower(FollowerKind::Logs, &format!("kafka://{nobody}/t")),
        status_at(&good.url("/")),
    ])
    .await;
    scene.push();
    scene.succeed().await;
    let followers = scene.until(|all| all[1].state == FollowerState::Done).await;
    assert_eq!(followers[0].attempts, 0, "it may still answer");
    scene.until(|all| all[0].attempts > 0).await;
    let why = scene.followers().await[0].why.clone().unwrap();
    assert!(why.contains("no broker answers"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_that_may_not_be_reached_are_refused() {
    let cluster = MockCluster::new(1).unwrap();
    let port = cluster.bootstrap_servers().rsplit_once(':').unwrap().1.to_owned();
    let url = format!("kafka://localhost:{port}/t");
    let mut scene = Scene::with(&[follower(FollowerKind::Status, &url)]).await;
    scene.push_with(quick(), AddressPolicy::public_only());
    scene.until(|all| all[0].attempts > 0).await;
    let tried = scene.deliveries().await[0].attempted.clone();
    assert_eq!(tried.outcome, DeliveryOutcome::Refused);
    assert!(tried.error.unwrap().contains("limits.allowed_addresses"));
}

/// The name may be reached, and leads to a broker that says that it is at 127.0.0.1, which may
/// not.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_advertises_an_address_inside_is_refused() {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let port = cluster.bootstrap_servers().rsplit_once(':').unwrap().1.to_owned();
    let url = format!("kafka://localhost:{port}/t");
    let policy = AddressPolicy::public_only().allow(&["localhost"]).unwrap();
    let mut scene = Scene::with(&[follower(FollowerKind::Status, &url)]).await;
    scene.push_with(quick(), policy);
    scene.until(|all| all[0].attempts > 0).await;
    let tried = scene.deliveries().await[0].attempted.clone();
    let error = tried.error.unwrap();
    assert!(error.contains("advertises a broker at 127.0.0.1"), "{error}");
    assert_eq!(tried.outcome, DeliveryOutcome::Refused);
}
