//! What is told is true of what it is told of, wherever the build's row stands by then.

use std::time::Duration;

use slipway_domain::now;
use slipway_follow::push::PushSettings;
use slipway_outbound::AddressPolicy;
use slipway_store::followers::{self, AskedAgain, FollowerState};
use slipway_test_support::receiver::{Doing, Got, Receiver, status};

use crate::scene::{Scene, quick, status_at};

/// Of each message: which event, which host, and whether the build is over.
fn told(got: &[Got]) -> String {
    let line = |got: &Got| {
        let body = got.json();
        let (host, over) = (&body["data"]["host"], &body["data"]["is_over"]);
        format!("{} {} {host} {over}", body["seq"], body["type"])
    };
    got.iter().map(line).collect::<Vec<String>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_in_line_has_no_host_though_the_row_has_one_by_now() {
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    scene.succeed().await;
    // All of it is told late.
    scene.push();
    scene.until(|all| all[0].state == FollowerState::Done).await;
    insta::assert_snapshot!(told(&receiver.got()), @r#"
    1 "build.queued" null false
    2 "build.preparing" "h1" false
    3 "build.building" "h1" false
    4 "build.pushing" "h1" false
    5 "build.purging" "h1" false
    6 "build.succeeded" "h1" true
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_ends_while_a_receiver_stalls_is_told_as_over() {
    // What is told a second time gets no answer, and a lot happens until that is given up.
    let doing = |number| if number == 1 { Doing::Nothing } else { status(200) };
    let receiver = Receiver::start(doing).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    let settings = PushSettings { answer: Duration::from_secs(8), ..quick() };
    scene.push_with(settings, AddressPolicy::public_only().allow_loopback(true));
    scene.until(|all| all[0].told_seq == 1).await;
    let first = scene.deliveries().await[0].clone();
    // Both are taken in one: what was told, and the claim that is news.
    let lease = scene.claim_unheard().await;
    let asked = followers::ask_again(&scene.store, first.id, now()).await.unwrap();
    assert_eq!(asked, AskedAgain::Asked);
    scene.tell();
    receiver.wait_for(2).await.unwrap();
    scene.succeed_from(&lease).await;
    scene.until(|all| all[0].state == FollowerState::Done).await;
    insta::assert_snapshot!(told(&receiver.got()), @r#"
    1 "build.queued" null false
    1 "build.queued" null false
    2 "build.preparing" "h1" false
    3 "build.building" "h1" false
    4 "build.pushing" "h1" false
    5 "build.purging" "h1" false
    6 "build.succeeded" "h1" true
    "#);
}
