//! A worker is gone: its builds are taken back.

use slipway_domain::{BuildState, Outcome, Reason, Stage};
use slipway_store::builds::{Returned, advance, cancel, renew, return_all, return_expired};
use slipway_store::{images, outbox};

use crate::cast::{at, claim, find, held, held_in, host, literal, report, told};
use crate::ground::Ground;

const QUEUED: BuildState = BuildState::Queued;

stories!(
    back_in_line,
    only_those_whose_time_is_up,
    lost_as_often_as_it_may_be,
    what_is_in_the_registry_has_succeeded,
    what_only_purged_is_built_again,
    what_was_to_be_cancelled_is_cancelled,
    a_heartbeat_keeps_it,
    a_heartbeat_about_to_commit_keeps_it,
    two_processes_take_back_once,
    whoever_is_alone_takes_back_all,
);

async fn back_in_line(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Building).await;
    let rung = outbox::due(&store, 9).await.unwrap();
    outbox::rung(&store, &rung).await.unwrap();
    let returned = return_expired(&store, 3, at(100)).await.unwrap();
    assert_eq!(returned, [Returned { build: lease.build(), state: QUEUED }]);

    let build = find(&store, lease.build()).await;
    assert_eq!((build.state, build.losses, build.attempt.0), (QUEUED, 1, 1));
    assert_eq!(build.not_before, at(100));
    assert_eq!(
        told(&store, build.id).await.pop().unwrap(),
        "4 queued on h1: the worker was lost; the build is back in line"
    );
    assert_eq!(ground.count("leases").await, 0);
    assert_eq!(outbox::due(&store, 9).await.unwrap().len(), 1, "a bell rings for it again");
    assert_eq!(images::left_on(&store, &host("h1")).await.unwrap().len(), 1);
    assert_eq!(claim(&store, "h1", at(100)).await.unwrap().lease.attempt().0, 2);
}

async fn only_those_whose_time_is_up(ground: &Ground) {
    let store = ground.store().await;
    let (old, fresh) = (held(&store).await, held(&store).await);
    renew(&store, &fresh, at(50)).await.unwrap();
    assert_eq!(return_expired(&store, 3, at(21)).await.unwrap(), [], "at 21 it still counts");
    let returned = return_expired(&store, 3, at(22)).await.unwrap();
    assert_eq!(returned, [Returned { build: old.build(), state: QUEUED }]);
    renew(&store, &fresh, at(60)).await.unwrap();
    assert_eq!(return_expired(&store, 3, at(22)).await.unwrap(), [], "once is enough");
}

async fn lost_as_often_as_it_may_be(ground: &Ground) {
    let store = ground.store().await;
    let mut lease = held(&store).await;
    for (losses, now) in [(1, 100), (2, 200)] {
        return_expired(&store, 3, at(now)).await.unwrap();
        assert_eq!(find(&store, lease.build()).await.losses, losses);
        lease = claim(&store, "h1", at(now)).await.unwrap().lease;
    }
    let over = BuildState::Finished(Outcome::Failed);
    let returned = return_expired(&store, 3, at(300)).await.unwrap();
    assert_eq!(returned, [Returned { build: lease.build(), state: over }]);

    let build = find(&store, lease.build()).await;
    assert_eq!(build.state, over);
    let failure = build.failure.unwrap();
    assert_eq!(failure.reason, Reason::AttemptsExhausted);
    assert_eq!(failure.message, "the worker of this build was lost (3 attempts)");
    assert!(failure.hint.is_some());
    assert_eq!((ground.count("leases").await, ground.count("sealed_secrets").await), (0, 0));
    assert!(claim(&store, "h1", at(400)).await.is_none());
}

async fn what_is_in_the_registry_has_succeeded(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Purging).await;
    let returned = return_expired(&store, 1, at(100)).await.unwrap();
    let over = BuildState::Finished(Outcome::Succeeded);
    assert_eq!(returned, [Returned { build: lease.build(), state: over }]);
    assert!(find(&store, lease.build()).await.digest.is_some());
    assert_eq!(images::left_on(&store, &host("h1")).await.unwrap().len(), 1, "still to be purged");
}

async fn what_only_purged_is_built_again(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Building).await;
    advance(&store, &lease, Stage::Purging, None, at(5)).await.unwrap();
    let returned = return_expired(&store, 3, at(100)).await.unwrap();
    assert_eq!(returned, [Returned { build: lease.build(), state: QUEUED }]);
}

async fn what_was_to_be_cancelled_is_cancelled(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Building).await;
    cancel(&store, lease.build(), at(5)).await.unwrap();
    let returned = return_expired(&store, 3, at(100)).await.unwrap();
    let over = BuildState::Finished(Outcome::Cancelled);
    assert_eq!(returned, [Returned { build: lease.build(), state: over }]);
    assert_eq!(ground.count("sealed_secrets").await, 0);
}

async fn a_heartbeat_keeps_it(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    // Late, but nobody has taken it back yet.
    renew(&store, &lease, at(120)).await.unwrap();
    assert_eq!(return_expired(&store, 3, at(100)).await.unwrap(), []);
    advance(&store, &lease, Stage::Building, None, at(101)).await.unwrap();
}

async fn a_heartbeat_about_to_commit_keeps_it(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let later = literal(at(120));
    let heartbeat = ground.hold(&format!("UPDATE leases SET expires_at = {later}")).await;
    let returning = {
        let store = store.clone();
        tokio::spawn(async move { return_expired(&store, 3, at(100)).await.unwrap() })
    };
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!returning.is_finished(), "it waits for the heartbeat");
    heartbeat.commit().await;
    assert_eq!(returning.await.unwrap(), []);
    advance(&store, &lease, Stage::Building, None, at(101)).await.unwrap();
}

async fn two_processes_take_back_once(ground: &Ground) {
    let processes = [ground.store().await, ground.store().await];
    report(&processes[0], "h1", 100).await;
    let mut held_builds = Vec::new();
    for _ in 0..10 {
        held_builds.push(held(&processes[0]).await.build());
    }
    let (one, other) = tokio::join!(
        return_expired(&processes[0], 9, at(100)),
        return_expired(&processes[1], 9, at(100))
    );
    let mut returned: Vec<_> = one.unwrap().into_iter().chain(other.unwrap()).collect();
    returned.sort_by_key(|returned| returned.build);
    held_builds.sort();
    assert_eq!(returned.iter().map(|returned| returned.build).collect::<Vec<_>>(), held_builds);
    for build in held_builds {
        assert_eq!(find(&processes[0], build).await.losses, 1);
    }
}

async fn whoever_is_alone_takes_back_all(ground: &Ground) {
    let store = ground.store().await;
    let mut held_builds = Vec::new();
    for expires_at in [5, 50, 500] {
        let lease = held(&store).await;
        renew(&store, &lease, at(expires_at)).await.unwrap();
        held_builds.push(lease.build());
    }
    let mut returned = return_all(&store, 2, at(50)).await.unwrap();
    returned.sort_by_key(|returned| returned.build);
    let expected = held_builds.iter().map(|build| Returned { build: *build, state: QUEUED });
    assert_eq!(returned, expected.collect::<Vec<_>>());
    assert_eq!(ground.count("leases").await, 0);
    assert_eq!(return_all(&store, 2, at(51)).await.unwrap(), []);

    let again = claim(&store, "h1", at(52)).await.unwrap().lease;
    let over = BuildState::Finished(Outcome::Failed);
    let returned = return_all(&store, 2, at(53)).await.unwrap();
    assert_eq!(returned, [Returned { build: again.build(), state: over }], "it counts");
}
