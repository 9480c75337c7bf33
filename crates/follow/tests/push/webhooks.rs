//! Webhooks where receivers behave.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use slipway_domain::{BuildId, Failure, Follower, FollowerForm, FollowerKind, Forge, Reason, now};
use slipway_store::builds::Ending;
use slipway_store::followers::{self, AskedAgain, DeliveryOutcome, FollowerState, Whose};

use crate::scene::{KEY, Scene, follower, status_at};
use slipway_test_support::receiver::{Got, Receiver, status};

/// As a receiver would, from the document of Standard Webhooks.
fn is_signed(got: &Got) -> bool {
    let key = STANDARD.decode(KEY.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, at) = (got.header("webhook-id").unwrap(), got.header("webhook-timestamp").unwrap());
    mac.update(format!("{id}.{at}.{}", got.body).as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    got.header("webhook-signature") == Some(signature.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_state_in_order_and_signed() {
    let receiver = Receiver::start(|_| status(204)).await.unwrap();
    let url = receiver.url("/hook?token=t").replace("http://", "http://robot:secret@");
    let mut scene = Scene::with(&[status_at(&url)]).await;
    // Two servers, as there may be any number of.
    scene.push();
    scene.push();
    scene.succeed().await;
    scene.until(|all| all[0].state == FollowerState::Done).await;
    let got = receiver.got();
    let told: Vec<String> = got
        .iter()
        .map(|got| {
            let body = got.json();
            assert_eq!(body["data"]["id"], scene.build.to_string());
            assert_eq!(body["seq"], body["data"]["last_seq"]);
            assert!(is_signed(got), "{got:?}");
            assert!(got.head.starts_with("POST /hook?token=t HTTP/1.1\r\n"), "{}", got.head);
            assert_eq!(got.header("authorization"), Some("Basic cm9ib3Q6c2VjcmV0"));
            format!("{} {} {}", body["seq"], body["type"], body["data"]["digest"])
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    1 "build.queued" null
    2 "build.preparing" null
    3 "build.building" null
    4 "build.pushing" null
    5 "build.purging" "sha256:1"
    6 "build.succeeded" "sha256:1"
    "#);
    let kept = format!("{:?}", scene.deliveries().await);
    assert!(!kept.contains("cm9ib3Q6") && !kept.contains("token=t"), "{kept}");
    assert_eq!(scene.deliveries().await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_older_services_and_of_forges() {
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let with = |form: FollowerForm, path: &str| Follower {
        form,
        ..follower(FollowerKind::Status, &receiver.url(path))
    };
    let forge = |forge| FollowerForm::CommitStatus {
        forge,
        context: "slipway/app".into(),
        link: Some("https://slipway.example/b".into()),
    };
    let metadata = Some(serde_json::json!("m"));
    let mut scene = Scene::with(&[
        with(FollowerForm::Buildshuttle { metadata, build: "b1".into() }, "/shuttle"),
        with(FollowerForm::Callback { metadata: "a-s".into(), build: 7 }, "/callback"),
        with(forge(Forge::Github), "/github"),
        with(forge(Forge::Gitlab), "/gitlab"),
    ])
    .await;
    scene.push();
    scene.succeed().await;
    scene.until(|all| all.iter().all(|one| one.state == FollowerState::Done)).await;
    let mut told: Vec<String> = receiver
        .got()
        .iter()
        .map(|got| format!("{} {}", got.head.split(' ').nth(1).unwrap(), got.body))
        .collect();
    // In order for each of them.
    told.sort_by_key(|line| line.split(' ').next().unwrap().to_owned());
    insta::assert_snapshot!(told.join("\n"), @r#"
    /callback {"building":false,"id":7,"status":"pending","type":"buildshuttle"}
    /callback {"building":false,"id":7,"status":"succeeded","type":"buildshuttle"}
    /github {"context":"slipway/app","description":"waits for a builder","state":"pending","target_url":"https://slipway.example/b"}
    /github {"context":"slipway/app","description":"builds r.example/app:1","state":"pending","target_url":"https://slipway.example/b"}
    /github {"context":"slipway/app","description":"built r.example/app:1","state":"success","target_url":"https://slipway.example/b"}
    /gitlab {"context":"slipway/app","description":"waits for a builder","state":"pending","target_url":"https://slipway.example/b"}
    /gitlab {"context":"slipway/app","description":"builds r.example/app:1","state":"running","target_url":"https://slipway.example/b"}
    /gitlab {"context":"slipway/app","description":"built r.example/app:1","state":"success","target_url":"https://slipway.example/b"}
    /shuttle {"building":true,"id":"m","status":"pending","type":"buildshuttle"}
    /shuttle {"building":true,"id":"m","status":"queued","type":"buildshuttle"}
    /shuttle {"building":false,"id":"m","status":"succeeded","type":"buildshuttle"}
    "#);
}

/// Each of its two dialects has words of its own for how a build ended.
#[tokio::test(flavor = "multi_thread")]
async fn every_end_in_the_words_of_buildshuttle() {
    let mut table = Vec::new();
    let failure = || Failure::new(Reason::StepFailed, "make: Error 2");
    for ending in [Ending::Failed(failure()), Ending::TimedOut(failure()), Ending::Cancelled] {
        let receiver = Receiver::start(|_| status(200)).await.unwrap();
        let with = |form: FollowerForm, path: &str| Follower {
            form,
            ..follower(FollowerKind::Status, &receiver.url(path))
        };
        let mut scene = Scene::with(&[
            with(FollowerForm::Buildshuttle { metadata: None, build: "b1".into() }, "/documented"),
            with(FollowerForm::Callback { metadata: "a-s".into(), build: 7 }, "/shipped"),
        ])
        .await;
        scene.push();
        let lease = scene.claim().await;
        scene.end_as(&lease, ending).await;
        scene.until(|all| all.iter().all(|one| one.state == FollowerState::Done)).await;
        for path in ["/documented", "/shipped"] {
            let told = receiver.got();
            let last = told.iter().rfind(|got| got.head.split(' ').nth(1) == Some(path)).unwrap();
            table.push(format!("{path} {}", last.body));
        }
    }
    insta::assert_snapshot!(table.join("\n"), @r#"
    /documented {"building":false,"id":null,"status":"failed","type":"buildshuttle"}
    /shipped {"building":false,"id":7,"status":"failed","type":"buildshuttle"}
    /documented {"building":false,"id":null,"status":"timedout","type":"buildshuttle"}
    /shipped {"building":false,"id":7,"status":"failed","type":"buildshuttle"}
    /documented {"building":false,"id":null,"status":"failed","type":"buildshuttle"}
    /shipped {"building":false,"id":7,"status":"failed","type":"buildshuttle"}
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_can_be_told_again() {
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    scene.push();
    scene.succeed().await;
    scene.until(|all| all[0].state == FollowerState::Done).await;
    let first = scene.deliveries().await[2].clone();
    assert_eq!(
        followers::ask_again(&scene.store, first.id, now()).await.unwrap(),
        AskedAgain::Asked
    );
    scene.tell();
    let got = receiver.wait_for(7).await.unwrap();
    // Until then, it would be the same wish.
    scene.until_tried(7).await;
    assert_eq!(got[6].header("webhook-id"), got[2].header("webhook-id"));
    assert_eq!(got[6].body, got[2].body, "it says how the build was then");

    let whose = Whose::Build(scene.build);
    let long_ago = now() - chrono::TimeDelta::hours(1);
    let asked = |only_failed| {
        followers::ask_again_since(&scene.store, &whose, long_ago, only_failed, now())
    };
    assert_eq!(asked(true).await.unwrap(), (0, 0), "all were taken");
    assert_eq!(asked(false).await.unwrap(), (6, 0));
    scene.tell();
    receiver.wait_for(13).await.unwrap();
    let outcomes = scene.until_tried(13).await;
    let resent = outcomes.iter().filter(|one| one.attempted.resend).count();
    assert_eq!(resent, 7);
    assert_eq!(scene.followers().await[0].state, FollowerState::Done);
    assert!(outcomes.iter().all(|one| one.attempted.outcome == DeliveryOutcome::Delivered));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_builds_are_told_of_beside_each_other() {
    let receiver = Receiver::start(|_| status(200)).await.unwrap();
    let mut scene = Scene::with(&[status_at(&receiver.url("/"))]).await;
    for _ in 0..60 {
        scene.submit(BuildId::generate(), &[status_at(&receiver.url("/"))]).await;
    }
    scene.push();
    let got = receiver.wait_for(61).await.unwrap();
    let ids: std::collections::BTreeSet<_> =
        got.iter().map(|got| got.header("webhook-id")).collect();
    assert_eq!(ids.len(), 61, "each once");
}
