//! Why a build still waits, in words for its sender.

use slipway_store::builds::{Waiting, cancel, waiting};
use slipway_store::hosts::{Probe, report, set_drained};

use crate::cast::{at, claim, find, held, host, probe, spec, submit, worker};
use crate::ground::Ground;

stories!(
    each_reason_in_turn,
    hosts_of_workers_that_are_gone,
    its_place_in_line,
    a_build_that_does_not_wait,
);

async fn each_reason_in_turn(ground: &Ground) {
    let store = ground.store().await;
    let mut for_arm = spec("r.example/app:1");
    for_arm.platform = Some("linux/arm64".parse().unwrap());
    let build = submit(&store, &for_arm, at(0)).await.id;
    let reason = async || {
        let build = find(&store, build).await;
        waiting(&store, &build, at(9)).await.unwrap().unwrap().reason
    };
    assert_eq!(reason().await, "no worker has reported a Docker host");

    let amd = Probe { platform: Some("linux/amd64".parse().unwrap()), ..probe("amd", 9) };
    report(&store, worker(), &amd, at(1)).await.unwrap();
    assert_eq!(reason().await, "no host for linux/arm64");

    let both = ["linux/amd64", "linux/arm64"].map(|platform| platform.parse().unwrap());
    let listed = Probe { platforms: both.into(), ..amd.clone() };
    report(&store, worker(), &listed, at(1)).await.unwrap();
    assert_eq!(reason().await, "next in line", "its settings have it build for both");
    report(&store, worker(), &amd, at(1)).await.unwrap();
    assert_eq!(reason().await, "no host for linux/arm64", "and do no more");

    let away = Probe { problem: Some("connection refused".into()), ..probe("arm", 2) };
    report(&store, worker(), &away, at(1)).await.unwrap();
    assert_eq!(reason().await, "no Docker host can be used: arm: connection refused");

    let arm = Probe { platform: for_arm.platform.clone(), ..probe("arm", 2) };
    report(&store, worker(), &arm, at(1)).await.unwrap();
    assert_eq!(reason().await, "next in line");

    set_drained(&store, &host("arm"), true).await.unwrap();
    assert_eq!(reason().await, "host arm drained");
    let other = Probe { name: host("arm2"), problem: Some("no route".into()), ..arm.clone() };
    report(&store, worker(), &other, at(1)).await.unwrap();
    assert_eq!(reason().await, "no Docker host can be used: arm2: no route");
    set_drained(&store, &host("arm"), false).await.unwrap();

    for second in [-2, -1] {
        submit(&store, &spec("r.example/older:1"), at(second)).await;
        assert!(claim(&store, "arm", at(9)).await.is_some());
    }
    assert_eq!(reason().await, "all 2 slots busy");
    report(&store, worker(), &Probe { slots: 3, ..arm.clone() }, at(1)).await.unwrap();
    assert_eq!(reason().await, "next in line");

    let id = ground.id(build.as_uuid());
    let later = crate::cast::literal(at(60));
    ground.sql(&format!("UPDATE builds SET not_before = {later} WHERE id = {id}")).await.unwrap();
    assert_eq!(reason().await, "its last attempt was cut off; it is tried again in a moment");
}

/// What is known of a host that no worker looks at any more is no reason while others are looked at.
async fn hosts_of_workers_that_are_gone(ground: &Ground) {
    let store = ground.store().await;
    let mut for_arm = spec("r.example/app:1");
    for_arm.platform = Some("linux/arm64".parse().unwrap());
    let for_arm = submit(&store, &for_arm, at(0)).await.id;
    let any = submit(&store, &spec("r.example/app:1"), at(1)).await.id;
    let arm = Probe { platform: Some("linux/arm64".parse().unwrap()), ..probe("gone", 9) };
    report(&store, worker(), &arm, at(0)).await.unwrap();
    let reason = async |id, second| {
        let build = find(&store, id).await;
        waiting(&store, &build, at(second)).await.unwrap().unwrap().reason
    };
    assert_eq!(reason(for_arm, 59).await, "next in line");
    let nobody = "no worker is running: none has looked at a host for a minute";
    assert_eq!([reason(for_arm, 61).await, reason(any, 61).await], [nobody, nobody]);

    let amd = Probe { platform: Some("linux/amd64".parse().unwrap()), ..probe("amd", 1) };
    report(&store, worker(), &amd, at(60)).await.unwrap();
    let gone = "no host for linux/arm64: no worker looks at gone, which was one";
    assert_eq!(reason(for_arm, 61).await, gone);
    assert_eq!(reason(any, 61).await, "next in line");
    set_drained(&store, &host("amd"), true).await.unwrap();
    assert_eq!(reason(any, 61).await, "host amd drained");
    set_drained(&store, &host("amd"), false).await.unwrap();
    claim(&store, "amd", at(61)).await.unwrap();
    let another = submit(&store, &spec("r.example/app:1"), at(2)).await.id;
    assert_eq!(reason(another, 61).await, "all 1 slots busy");
}

async fn its_place_in_line(ground: &Ground) {
    let store = ground.store().await;
    report(&store, worker(), &probe("h1", 1), at(0)).await.unwrap();
    let mut line = Vec::new();
    for second in [1, 2, 3] {
        line.push(submit(&store, &spec("r.example/app:1"), at(second)).await);
    }
    let told = |reason: &str, position, second| {
        Some(Waiting { reason: reason.into(), position, since: at(second) })
    };
    let place = async |number: usize| waiting(&store, &line[number], at(9)).await.unwrap();
    assert_eq!(place(0).await, told("next in line", 0, 1));
    assert_eq!(place(1).await, told("1 build is before it", 1, 2));
    assert_eq!(place(2).await, told("2 builds are before it", 2, 3));
    cancel(&store, line[0].id, at(4)).await.unwrap();
    assert_eq!(place(2).await, told("1 build is before it", 1, 3));
}

async fn a_build_that_does_not_wait(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let build = find(&store, lease.build()).await;
    assert_eq!(waiting(&store, &build, at(9)).await.unwrap(), None);
}
