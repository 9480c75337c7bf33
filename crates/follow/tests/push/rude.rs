//! Receivers that do not behave.

use std::time::{Duration, Instant};

use slipway_domain::{FollowerKind, now};
use slipway_follow::push::PushSettings;
use slipway_outbound::AddressPolicy;
use slipway_store::followers::{DeliveryOutcome, FollowerState, Lane, Wanted, take};

use crate::scene::{Scene, follower, quick, status_at};
use slipway_test_support::receiver::{Doing, Receiver, status, with};

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_as_the_same_message() {
    let receiver =
        Receiver::start(|number| status(if number < 2 { 500 } else { 200 })).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    scene.push();
    let got = receiver.wait_for(3).await.unwrap();
    let ids: Vec<_> = got.iter().map(|got| got.header("webhook-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(got.iter().all(|one| one.body == got[0].body));
    scene.until(|all| all[0].told_seq == 1 && all[0].attempts == 0).await;
    let tries = scene.deliveries().await;
    let seen: Vec<_> =
        tries.iter().map(|one| (one.attempted.attempt, one.attempted.outcome)).collect();
    use DeliveryOutcome::{Delivered, Failed};
    assert_eq!(seen, [(1, Failed), (2, Failed), (3, Delivered)]);
    assert_eq!(tries[0].attempted.error.as_deref(), Some("it answered 500"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_is_given_up_in_the_end() {
    let receiver = Receiver::start(|_| status(500)).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    scene.succeed().await;
    scene.push();
    let followers = scene.until(|all| all[0].state == FollowerState::GivenUp).await;
    assert_eq!(followers[0].why.as_deref(), Some("it answered 500"));
    let tries = scene.deliveries().await;
    // Five states gave way after three tries each; the end had all that there are.
    let of = |seq| tries.iter().filter(|one| one.attempted.seq == seq).count();
    assert_eq!([of(1), of(2), of(3), of(4), of(5), of(6)], [3, 3, 3, 3, 3, 5]);
    let passed = tries.iter().filter(|one| one.attempted.outcome == DeliveryOutcome::PassedBy);
    assert_eq!(passed.count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_is_followed() {
    let elsewhere = Receiver::start(|_| status(200)).await.unwrap();
    let to = format!("location: {}\r\n", elsewhere.url("/"));
    let receiver = Receiver::start(move |_| with(302, &to)).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    scene.push();
    receiver.wait_for(2).await.unwrap();
    assert!(elsewhere.got().is_empty());
    let error = scene.deliveries().await[0].attempted.error.clone().unwrap();
    assert_eq!(error, "it answered 302: redirects are not followed; name that address");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_repeats_what_it_was_sent_tells_no_secret() {
    let receiver = Receiver::start(|_| with(500, "x-sent: t0ken-of-mine\r\n")).await.unwrap();
    let url = receiver.url("/").replace("http://", "http://t0ken-of-mine@");
    let followers = [status_at(&url), follower(FollowerKind::Logs, &url)];
    let mut scene = Scene::with(&followers).await;
    scene.succeed().await;
    scene.push();
    scene.until(|all| all.iter().all(|one| one.state == FollowerState::GivenUp)).await;
    assert_eq!(receiver.got()[0].header("authorization"), Some("t0ken-of-mine"));
    let tries = scene.deliveries().await;
    let kept = format!("{:?}", tries.iter().map(|one| &one.attempted.answer).collect::<Vec<_>>());
    assert!(kept.contains(r#"("x-sent", "***")"#) && !kept.contains("t0ken"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_gone_is_told_no_more() {
    let receiver = Receiver::start(|_| status(410)).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    scene.push();
    scene.until(|all| all[0].state == FollowerState::Disabled).await;
    scene.succeed().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_time_gets_it() {
    let receiver =
        Receiver::start(|n| if n == 0 { with(429, "retry-after: 2\r\n") } else { status(200) })
            .await
            .unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    scene.push();
    let got = receiver.wait_for(2).await.unwrap();
    let waited = got[1].at - got[0].at;
    // The usual wait is a twentieth of a second.
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_endless_ones_hold_up_nobody_else() {
    let endless = Receiver::start(|_| Doing::Endless(1 << 40)).await.unwrap();
    let silent = Receiver::start(|_| Doing::Nothing).await.unwrap();
    let deaf = Receiver::start(|_| Doing::DeafTo).await.unwrap();
    let good = Receiver::start(|_| status(200)).await.unwrap();
    let all = [&endless, &silent, &deaf, &good].map(|one| status_at(&one.url("/")));
    let mut scene = Scene::with(&all).await;
    let answer = Duration::from_secs(10);
    let settings = PushSettings { answer, ..quick() };
    scene.push_with(settings, AddressPolicy::public_only().allow_loopback(true));
    scene.succeed().await;
    let followers = scene.until(|all| all[3].state == FollowerState::Done).await;
    assert_eq!(good.got().len(), 6);
    assert_eq!((followers[1].attempts, followers[2].attempts), (0, 0), "both may still answer");

    scene.until(|all| all[..3].iter().all(|one| one.attempts > 0)).await;
    let tries = scene.deliveries().await;
    let of = |follower: usize| {
        let of_it = tries.iter().find(|one| one.follower == followers[follower].id);
        &of_it.unwrap().attempted
    };
    assert_eq!(of(0).answer.as_ref().unwrap().body.len(), 16 * 1024);
    assert!(of(0).took < answer, "no more is read: {:?}", of(0).took);
    assert!(of(1).error.as_ref().unwrap().ends_with("did not answer within 10 s"), "{:?}", of(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_be_reached_is_refused_and_it_is_said_how_to_allow_it() {
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let url = format!("http://localhost:{}/", receiver.address().port());
    let mut scene = Scene::with(&[status_at(&url)]).await;
    scene.push_with(quick(), AddressPolicy::public_only());
    scene.until(|all| all[0].attempts > 0).await;
    assert!(receiver.got().is_empty());
    let tried = scene.deliveries().await[0].attempted.clone();
    assert_eq!(tried.outcome, DeliveryOutcome::Refused);
    let error = tried.error.unwrap();
    assert!(error.contains("limits.allowed_addresses") && error.contains("localhost"), "{error}");
}

/// Somebody took it and was killed: when the lease is over, another tells it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_left_is_told_by_another() {
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    let wanted = Wanted { builds: None, full: &[] };
    let lease = Duration::from_secs(2);
    let began = Instant::now();
    let taken = take(&scene.store, wanted, |_, _| true, lease, now()).await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].lane, Lane::ALL[0]);
    scene.push();
    receiver.wait_for(1).await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(1900), "{:?}", began.elapsed());
}

#[test]
fn the_waits_are_those_of_the_documents() {
    let waits = PushSettings::default().waits;
    let seconds: Vec<u64> = waits.iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [5, 300, 1800, 7200, 18_000, 36_000, 36_000]);
}
