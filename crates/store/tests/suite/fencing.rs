//! A worker that lost its lease changes nothing, and a build that is over never changes.

use slipway_domain::{Outcome, Stage};
use slipway_store::builds::{
    Cancelled, Ending, HandBack, advance, advance_after, cancel, finish, hand_back, renew,
    return_expired,
};
use slipway_store::events::append;
use slipway_store::{Lease, Store};

use crate::cast::{DIGEST, at, claim, failure, held, held_in, is_lost, log, orderly, spec, submit};
use crate::ground::Ground;

stories!(
    an_old_attempt_changes_nothing,
    a_worker_whose_build_is_back_in_line_changes_nothing,
    a_build_that_is_over_never_changes,
    steps_that_the_states_do_not_allow,
    a_step_that_is_made_twice_is_made_once,
    output_that_is_written_twice_is_written_once,
);

async fn an_old_attempt_changes_nothing(ground: &Ground) {
    let store = ground.store().await;
    let old = held(&store).await;
    hand_back(&store, &old, orderly(at(2)), false, at(2)).await.unwrap();
    let new = claim(&store, "h1", at(3)).await.unwrap().lease;
    for stage in [Stage::Building, Stage::Pushing, Stage::Purging] {
        advance(&store, &new, stage, None, at(4)).await.unwrap();
        everything_is_refused(ground, &store, &old).await;
    }
}

async fn a_worker_whose_build_is_back_in_line_changes_nothing(ground: &Ground) {
    let store = ground.store().await;
    let old = held(&store).await;
    assert_eq!(return_expired(&store, 3, at(100)).await.unwrap().len(), 1);
    everything_is_refused(ground, &store, &old).await;
}

async fn a_build_that_is_over_never_changes(ground: &Ground) {
    let store = ground.store().await;
    for (ending, outcome) in [
        (Ending::Succeeded, Outcome::Succeeded),
        (Ending::Failed(failure()), Outcome::Failed),
        (Ending::TimedOut(failure()), Outcome::TimedOut),
        (Ending::Cancelled, Outcome::Cancelled),
    ] {
        let lease = held_in(&store, Stage::Purging).await;
        finish(&store, &lease, ending, false, at(5)).await.unwrap();
        everything_is_refused(ground, &store, &lease).await;

        let before = ground.everything().await;
        let answer = cancel(&store, lease.build(), at(6)).await.unwrap();
        assert_eq!(answer, Cancelled::Over(outcome));
        assert!(claim(&store, "h1", at(1000)).await.is_none());
        assert_eq!(return_expired(&store, 3, at(1000)).await.unwrap(), []);
        assert_eq!(ground.everything().await, before);
    }
}

async fn steps_that_the_states_do_not_allow(ground: &Ground) {
    let store = ground.store().await;
    let preparing = held(&store).await;
    let building = held_in(&store, Stage::Building).await;
    let pushing = held_in(&store, Stage::Pushing).await;
    submit(&store, &spec("r.example/waits:1"), at(0)).await;
    let before = ground.everything().await;
    for (lease, stages) in [
        (&preparing, &[Stage::Pushing, Stage::Purging][..]),
        (&building, &[Stage::Preparing]),
        (&pushing, &[Stage::Preparing, Stage::Building]),
    ] {
        for stage in stages {
            assert!(advance(&store, lease, *stage, None, at(9)).await.is_err(), "{stage}");
            let said = [log("what was said goes with it\n")];
            let moved = advance_after(&store, lease, &said, *stage, None, at(9)).await;
            assert!(moved.is_err(), "{stage}");
        }
    }
    for lease in [&preparing, &pushing] {
        assert!(finish(&store, lease, Ending::Succeeded, true, at(9)).await.is_err());
    }
    assert_eq!(ground.everything().await, before);
}

/// The commit went through and the answer was lost, so it is tried again.
async fn a_step_that_is_made_twice_is_made_once(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let said = [log("what was said goes with it\n")];
    for (stage, digest) in
        [(Stage::Building, None), (Stage::Pushing, None), (Stage::Purging, Some(DIGEST))]
    {
        advance_after(&store, &lease, &said, stage, digest, at(4)).await.unwrap();
        let before = ground.everything().await;
        advance_after(&store, &lease, &said, stage, digest, at(5)).await.unwrap();
        assert_eq!(ground.everything().await, before);
    }
    finish(&store, &lease, Ending::Succeeded, true, at(6)).await.unwrap();
}

async fn output_that_is_written_twice_is_written_once(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let said = [log("a\n"), log("b\n")];
    append(&store, &lease, at(4), &said).await.unwrap();
    let before = ground.everything().await;
    append(&store, &lease, at(4), &said).await.unwrap();
    assert_eq!(ground.everything().await, before);
    // The same words at another time are said once more.
    append(&store, &lease, at(5), &said).await.unwrap();
    append(&store, &lease, at(6), &[log("c\n")]).await.unwrap();
    assert_eq!(ground.count("events").await, 7);
}

/// Every function that takes a lease is told that it is lost, and every column of every
/// row stays as it is.
async fn everything_is_refused(ground: &Ground, store: &Store, lease: &Lease) {
    let before = ground.everything().await;
    let build = lease.build();
    for stage in [Stage::Preparing, Stage::Building, Stage::Pushing, Stage::Purging] {
        assert!(is_lost(advance(store, lease, stage, Some(DIGEST), at(9)).await, build), "{stage}");
    }
    let bodies = [log("one\n"), log("two\n")];
    assert!(is_lost(append(store, lease, at(9), &bodies).await, build));
    let moved = advance_after(store, lease, &bodies, Stage::Building, None, at(9)).await;
    assert!(is_lost(moved, build));
    for ending in [
        Ending::Succeeded,
        Ending::Failed(failure()),
        Ending::TimedOut(failure()),
        Ending::Cancelled,
    ] {
        assert!(is_lost(finish(store, lease, ending, true, at(9)).await, build));
    }
    assert!(is_lost(renew(store, lease, at(999)).await, build));
    let counted = HandBack { loss: Some(failure()), ..orderly(at(9)) };
    for terms in [orderly(at(9)), counted] {
        assert!(is_lost(hand_back(store, lease, terms, true, at(9)).await, build));
    }
    assert_eq!(ground.everything().await, before);
}
