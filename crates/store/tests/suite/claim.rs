//! A worker takes the next build, and nobody else does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use futures::future::join_all;
use slipway_domain::{BuildState, HostName, Project, Stage, WorkerId};
use slipway_store::builds::{self, Cancelled, Claimed, Ending, Offer, cancel, finish, hand_back};
use slipway_store::hosts::{self, Probe};
use slipway_store::seal::KeyRing;
use slipway_store::{Store, StoreError};

use crate::cast::{
    Offered, at, claim, find, held, host, offered, orderly, probe, report, secrets, spec, submit,
    submit_with, told, try_claim, worker,
};
use crate::ground::Ground;

stories!(
    a_claim_is_written_down_whole,
    oldest_first,
    only_for_its_platform,
    a_host_that_tells_no_platform_builds_what_names_none,
    not_on_a_host_that_is_out,
    not_before_its_time,
    the_preferred_host_is_taken_while_it_has_a_slot,
    slots_are_counted_across_workers,
    each_attempt_has_its_own_number,
    secrets_come_back,
    a_cancel_and_a_claim_at_once,
    a_row_that_cannot_be_read_does_not_hold_up_the_line,
    secrets_of_another_key_do_not_hold_up_the_line,
);

async fn a_claim_is_written_down_whole(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let build = submit(&store, &spec("r.example/app:1"), at(0)).await;
    let claimed = claim(&store, "h1", at(7)).await.unwrap();

    assert_eq!((claimed.lease.build(), claimed.lease.attempt().0), (build.id, 1));
    assert_eq!(claimed.lease.host(), &host("h1"));
    assert_eq!((claimed.spec, claimed.created_at), (build.spec, at(0)));
    let build = find(&store, build.id).await;
    assert_eq!(build.state, BuildState::Running(Stage::Preparing));
    assert_eq!((build.host, build.timings.preparing_at), (Some(host("h1")), Some(at(7))));
    assert_eq!(told(&store, build.id).await, ["1 queued", "2 preparing on h1"]);
    assert_eq!((ground.count("leases").await, ground.count("images_on_hosts").await), (1, 1));
}

async fn oldest_first(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    // The last two are of the same moment: the id decides.
    let mut line = Vec::new();
    for (second, project) in [(3, "a"), (1, "b"), (2, "c"), (5, "d"), (5, "e")] {
        let mut spec = spec("r.example/app:1");
        // One of each: a project's own builds go as they came.
        spec.project = Project::parse(project).unwrap();
        let build = submit(&store, &spec, at(second)).await;
        line.push((second, build.id));
    }
    line.sort();
    for (_, id) in line {
        assert_eq!(claim(&store, "h1", at(9)).await.unwrap().lease.build(), id);
    }
    assert!(claim(&store, "h1", at(9)).await.is_none());
}

async fn only_for_its_platform(ground: &Ground) {
    let store = ground.store().await;
    for name in ["amd", "arm"] {
        report(&store, name, 10).await;
    }
    let build = async |platform: Option<&str>, second: i64| {
        let mut spec = spec("r.example/app:1");
        spec.platform = platform.map(|platform| platform.parse().unwrap());
        submit(&store, &spec, at(second)).await.id
    };
    let arm = build(Some("linux/arm64"), 1).await;
    let amd = build(Some("linux/amd64"), 2).await;
    let any = build(None, 3).await;
    let none = build(Some("plan9/mips"), 0).await;

    let amd_only = offered(&[("amd", &["linux/amd64"])]);
    let both = offered(&[("amd", &["linux/amd64"]), ("arm", &["linux/arm64", "linux/arm/v7"])]);
    let claimed = async |hosts: &Offered| {
        let lease = try_claim(&store, hosts, at(9)).await.unwrap().unwrap().lease;
        (lease.build(), lease.host().to_string())
    };
    assert_eq!(claimed(&amd_only).await, (amd, "amd".into()), "passes by the older arm build");
    assert_eq!(claimed(&both).await, (arm, "arm".into()));
    assert_eq!(claimed(&amd_only).await, (any, "amd".into()));
    assert!(try_claim(&store, &both, at(9)).await.unwrap().is_none());
    assert_eq!(find(&store, none).await.state, BuildState::Queued);
}

async fn a_host_that_tells_no_platform_builds_what_names_none(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    let mut for_arm = spec("r.example/app:1");
    for_arm.platform = Some("linux/arm64".parse().unwrap());
    submit(&store, &for_arm, at(0)).await;
    let any = submit(&store, &spec("r.example/app:2"), at(1)).await;
    let silent = offered(&[("h1", &[])]);
    let claimed = try_claim(&store, &silent, at(2)).await.unwrap().unwrap();
    assert_eq!(claimed.lease.build(), any.id);
}

async fn not_on_a_host_that_is_out(ground: &Ground) {
    let store = ground.store().await;
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    let refused = async |why: &str| {
        let before = ground.everything().await;
        assert!(claim(&store, "h1", at(1)).await.is_none(), "{why}");
        assert_eq!(ground.everything().await, before, "{why}");
    };
    refused("nobody has reported it").await;
    report(&store, "h2", 1).await;
    refused("another was reported").await;
    report(&store, "h1", 1).await;
    hosts::set_drained(&store, &host("h1"), true).await.unwrap();
    refused("it is drained").await;
    hosts::set_drained(&store, &host("h1"), false).await.unwrap();
    let away = Probe { problem: Some("does not answer".into()), ..probe("h1", 1) };
    hosts::report(&store, worker(), &away, at(1)).await.unwrap();
    refused("it has a problem").await;
    hosts::report(&store, worker(), &probe("h1", 1), at(1)).await.unwrap();
    assert!(try_claim(&store, &offered(&[]), at(1)).await.unwrap().is_none(), "none is offered");
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    submit(&store, &spec("r.example/app:2"), at(1)).await;
    refused("its slot is taken").await;
    finish(&store, &lease, Ending::Cancelled, true, at(2)).await.unwrap();
    assert!(claim(&store, "h1", at(2)).await.is_some(), "its slot is free again");
}

async fn not_before_its_time(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    hand_back(&store, &lease, orderly(at(60)), true, at(2)).await.unwrap();
    let younger = submit(&store, &spec("r.example/app:2"), at(3)).await;
    assert_eq!(claim(&store, "h1", at(59)).await.unwrap().lease.build(), younger.id);
    assert!(claim(&store, "h1", at(59)).await.is_none());
    assert_eq!(claim(&store, "h1", at(60)).await.unwrap().lease.build(), lease.build());
}

async fn the_preferred_host_is_taken_while_it_has_a_slot(ground: &Ground) {
    let store = ground.store().await;
    let hosts = offered(&[("h1", &[]), ("h2", &[]), ("h3", &[])]);
    for name in hosts.keys() {
        report(&store, name.as_str(), 1).await;
    }
    let like_h2_then_h3 = |_: &str, repository: &str, name: &HostName| {
        assert_eq!(repository, "r.example/team/app", "the key is the image without its tag");
        match name.as_str() {
            "h2" => 9,
            "h3" => 5,
            _ => 1,
        }
    };
    let mut taken = Vec::new();
    for number in 0..3 {
        submit(&store, &spec(&format!("r.example/team/app:{number}")), at(number)).await;
        let expires_at = at(99);
        let offer = Offer {
            worker: WorkerId::generate(),
            hosts: &hosts,
            expires_at,
            raise_after: TimeDelta::minutes(5),
        };
        let claimed = builds::claim(&store, &offer, like_h2_then_h3, at(9)).await.unwrap();
        taken.push(claimed.unwrap().lease.host().to_string());
    }
    assert_eq!(taken, ["h2", "h3", "h1"]);
}

async fn slots_are_counted_across_workers(ground: &Ground) {
    let workers = [ground.store().await, ground.store().await];
    report(&workers[0], "h3", 3).await;
    report(&workers[0], "h4", 4).await;
    for number in 0..60 {
        submit(&workers[0], &spec("r.example/app:1"), at(number)).await;
    }
    let mut ever_held = BTreeSet::new();
    for round in 0..3 {
        let claimed = forty_claims(&workers).await;
        let mut by_host: BTreeMap<String, u32> = BTreeMap::new();
        for held in &claimed {
            *by_host.entry(held.lease.host().to_string()).or_default() += 1;
            assert!(ever_held.insert(held.lease.build()), "held twice: {}", held.lease.build());
        }
        let full = BTreeMap::from([("h3".to_owned(), 3), ("h4".to_owned(), 4)]);
        assert_eq!(by_host, full, "round {round}");
        for held in claimed {
            finish(&workers[1], &held.lease, Ending::Cancelled, true, at(101)).await.unwrap();
        }
    }
}

/// Two workers ask for forty builds at once.
async fn forty_claims(workers: &[Store; 2]) -> Vec<Claimed> {
    let hosts = offered(&[("h3", &["linux/amd64"]), ("h4", &["linux/amd64", "linux/386"])]);
    let one = |number: usize| {
        let (store, hosts) = (workers[number % 2].clone(), hosts.clone());
        tokio::spawn(async move { try_claim(&store, &hosts, at(100)).await.unwrap() })
    };
    join_all((0..40).map(one)).await.into_iter().filter_map(Result::unwrap).collect()
}

async fn each_attempt_has_its_own_number(ground: &Ground) {
    let store = ground.store().await;
    let first = held(&store).await;
    builds::advance(&store, &first, Stage::Building, None, at(2)).await.unwrap();
    hand_back(&store, &first, orderly(at(3)), true, at(3)).await.unwrap();
    report(&store, "h2", 1).await;
    let second = claim(&store, "h2", at(4)).await.unwrap().lease;

    assert_eq!((first.attempt().0, second.attempt().0), (1, 2));
    let build = find(&store, first.build()).await;
    assert_eq!((build.attempt.0, build.host), (2, Some(host("h2"))));
    let timings = (build.timings.preparing_at, build.timings.building_at);
    assert_eq!(timings, (Some(at(4)), None), "they are the latest attempt's");
    let attempts: Vec<i32> =
        crate::cast::all_events(&store, build.id).await.iter().map(|e| e.attempt.0).collect();
    assert_eq!(attempts, [0, 1, 1, 1, 2]);
}

async fn secrets_come_back(ground: &Ground) {
    let store = ground.store().await;
    let first = held(&store).await;
    hand_back(&store, &first, orderly(at(2)), true, at(2)).await.unwrap();
    let again = claim(&store, "h1", at(3)).await.unwrap();
    let (registry, login) = again.secrets.registry_auth.iter().next().unwrap();
    assert_eq!(registry.as_str(), "r.example");
    assert_eq!(login.username, "robot-of-ours");
    assert_eq!(login.password.expose(), "hunter2-and-more");
}

async fn a_cancel_and_a_claim_at_once(ground: &Ground) {
    let processes = [ground.store().await, ground.store().await];
    report(&processes[0], "h1", 1000).await;
    for number in 0..40 {
        let build = submit(&processes[0], &spec("r.example/app:1"), at(number)).await;
        let (answer, claimed) = tokio::join!(
            cancel(&processes[0], build.id, at(100)),
            claim(&processes[1], "h1", at(100))
        );
        let told = told(&processes[0], build.id).await;
        match (answer.unwrap(), claimed) {
            (Cancelled::Now, None) => assert_eq!(told, ["1 queued", "2 cancelled"]),
            (Cancelled::Requested, Some(claimed)) => {
                assert_eq!(claimed.lease.build(), build.id);
                assert_eq!(told, ["1 queued", "2 preparing on h1"]);
                let heard = builds::renew(&processes[1], &claimed.lease, at(120)).await.unwrap();
                assert!(heard.cancel_requested);
            }
            both => panic!("{both:?}"),
        }
    }
}

async fn a_row_that_cannot_be_read_does_not_hold_up_the_line(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    let broken = submit(&store, &spec("r.example/app:1"), at(0)).await.id;
    let sound = submit(&store, &spec("r.example/app:2"), at(1)).await.id;
    let id = ground.id(broken.as_uuid());
    ground.sql(&format!("UPDATE builds SET spec = '{{}}' WHERE id = {id}")).await.unwrap();
    let hosts = offered(&[("h1", &[])]);
    let is_corrupt = |claimed: Result<Option<Claimed>, StoreError>| matches!(claimed, Err(StoreError::Corrupt { row, .. }) if row == broken.to_string());
    assert!(is_corrupt(try_claim(&store, &hosts, at(2)).await));
    assert_eq!(try_claim(&store, &hosts, at(2)).await.unwrap().unwrap().lease.build(), sound);
    assert!(try_claim(&store, &hosts, at(61)).await.unwrap().is_none());
    // A worker that can read it may have come by then, so it is looked at again.
    assert!(is_corrupt(try_claim(&store, &hosts, at(62)).await));
    assert_eq!(told(&store, broken).await, ["1 queued"]);
}

async fn secrets_of_another_key_do_not_hold_up_the_line(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    let spec = spec("r.example/app:1");
    let other = Store::open(&ground.url, KeyRing::from_key(&[8; 32])).await.unwrap();
    submit_with(&other, &spec, &secrets("hunter2"), None, at(0)).await.unwrap();
    let ours = submit(&store, &spec, at(1)).await;
    let hosts = offered(&[("h1", &[])]);
    let refused = try_claim(&store, &hosts, at(2)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Sealed { .. }), "{refused:?}");
    assert_eq!(try_claim(&store, &hosts, at(2)).await.unwrap().unwrap().lease.build(), ours.id);
    let later = at(2) + TimeDelta::minutes(1);
    let claimed = try_claim(&other, &hosts, later).await.unwrap().unwrap();
    assert_eq!(claimed.lease.attempt().0, 1, "the refused look was no attempt");
}
