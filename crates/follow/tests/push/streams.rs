//! Logs over HTTP: one long request.

use std::time::{Duration, Instant};

use slipway_domain::{FollowerKind, Stage};
use slipway_store::followers::FollowerState;

use crate::scene::{Scene, follower, status_at};
use slipway_test_support::receiver::{Doing, Got, Receiver, status};

const END: &str = "==> preparing on h1\n==> building on h1\nhello\nworld\n==> succeeded\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_as_it_is_written_in_one_request() {
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let mut scene = Scene::with(&[follower(FollowerKind::Logs, &receiver.url("/"))]).await;
    scene.push();
    let lease = scene.claim().await;
    scene.enter(&lease, Stage::Building).await;
    scene.say(&lease, "hello\n").await;
    // It is there while the build goes on.
    let has_come = |got: &[Got]| got.first().is_some_and(|got| got.body.ends_with("hello\n"));
    receiver.until(has_come).await.unwrap();
    scene.say(&lease, "world\n").await;
    scene.end(&lease).await;
    scene.until(|all| all[0].state == FollowerState::Done).await;
    let got = receiver.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].header("transfer-encoding"), Some("chunked"));
    assert_eq!(got[0].header("slipway-sequence"), Some("0"));
    assert_eq!(got[0].body, format!("==> queued\n{END}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_broke_off_goes_on_where_it_was() {
    // The first hangs up over the first line of the build; the second takes the rest.
    let receiver =
        Receiver::start(|number| if number == 0 { Doing::HangUp(30) } else { status(200) })
            .await
            .unwrap();
    let mut scene = Scene::with(&[follower(FollowerKind::Logs, &receiver.url("/"))]).await;
    scene.push();
    let lease = scene.claim().await;
    receiver.wait_for(1).await.unwrap();
    scene.enter(&lease, Stage::Building).await;
    scene.say(&lease, "hello\n").await;
    scene.say(&lease, "world\n").await;
    scene.end(&lease).await;
    scene.until(|all| all[0].state == FollowerState::Done).await;
    let got = receiver.got();
    let last = got.last().unwrap();
    assert!(got.len() > 1, "{got:#?}");
    assert!(last.body.ends_with("hello\nworld\n==> succeeded\n"), "nothing is lost: {last:?}");
    assert!(last.header("slipway-sequence").is_some());
}

/// What stands before a receiver may take all of a log before it knows that nobody wants it.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_refused_at_its_end_is_told_again_from_where_it_began() {
    let receiver =
        Receiver::start(|number| status(if number == 0 { 502 } else { 200 })).await.unwrap();
    let mut scene = Scene::with(&[follower(FollowerKind::Logs, &receiver.url("/"))]).await;
    scene.push();
    let lease = scene.claim().await;
    scene.enter(&lease, Stage::Building).await;
    scene.say(&lease, "hello\n").await;
    receiver.wait_for(1).await.unwrap();
    // For so long that it counts as arrived, as long as nobody says that it has not.
    tokio::time::sleep(Duration::from_secs(6)).await;
    scene.say(&lease, "world\n").await;
    scene.end(&lease).await;
    scene.until(|all| all[0].state == FollowerState::Done).await;
    let got = receiver.got();
    assert_eq!(got.len(), 2, "{got:#?}");
    assert_eq!(got[1].header("slipway-sequence"), Some("0"));
    assert_eq!(got[1].body, format!("==> queued\n{END}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_read_holds_up_nobody() {
    let deaf = Receiver::start(|_| Doing::DeafTo).await.unwrap();
    let good = Receiver::start(|_| status(200)).await.unwrap();
    let mut scene = Scene::with(&[
        follower(FollowerKind::Logs, &deaf.url("/")),
        follower(FollowerKind::Logs, &good.url("/")),
        status_at(&good.url("/status")),
    ])
    .await;
    scene.push();
    let lease = scene.claim().await;
    scene.enter(&lease, Stage::Building).await;
    let line = "x".repeat(60_000) + "\n";
    let began = Instant::now();
    // On a busy disk, the commits take most of the time.
    for _ in 0..30 {
        scene.say_all(&lease, &[&*line; 10]).await;
    }
    scene.end(&lease).await;
    scene.until(|all| all[1..].iter().all(|one| one.state == FollowerState::Done)).await;
    // It is waited for for a minute.
    assert!(began.elapsed() < Duration::from_secs(55), "{:?}", began.elapsed());
    let log = good.got().into_iter().find(|got| got.head.starts_with("POST / ")).unwrap();
    assert!(log.body.len() > 18_000_000, "{}", log.body.len());
}
