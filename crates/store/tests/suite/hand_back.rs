//! A worker gives a build back by itself.

use slipway_domain::{BuildState, Failure, Outcome, Reason, Stage};
use slipway_store::builds::{HandBack, cancel, hand_back};
use slipway_store::{images, outbox};

use crate::cast::{at, claim, find, held, held_in, host, orderly, told};
use crate::ground::Ground;

stories!(
    an_orderly_one_does_not_count,
    a_loss_counts,
    a_loss_too_many_ends_it_with_its_failure,
    what_was_to_be_cancelled_is_cancelled,
    what_is_in_the_registry_has_succeeded,
    a_purged_image_is_forgotten,
);

async fn an_orderly_one_does_not_count(ground: &Ground) {
    let store = ground.store().await;
    let mut lease = held(&store).await;
    for second in 10..20 {
        let terms = HandBack { max_attempts: 1, ..orderly(at(second)) };
        let state = hand_back(&store, &lease, terms, true, at(second)).await.unwrap();
        assert_eq!(state, BuildState::Queued);
        lease = claim(&store, "h1", at(second)).await.unwrap().lease;
    }
    let build = find(&store, lease.build()).await;
    assert_eq!((build.losses, build.attempt.0), (0, 11));
    assert_eq!(ground.count("sealed_secrets").await, 1);
    assert_eq!(
        told(&store, build.id).await[2],
        "3 queued on h1: the worker was stopped; the build is back in line"
    );
}

async fn a_loss_counts(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let rung = outbox::due(&store, 9).await.unwrap();
    outbox::rung(&store, &rung).await.unwrap();
    let state = hand_back(&store, &lease, lost(at(60)), true, at(5)).await.unwrap();
    assert_eq!(state, BuildState::Queued);
    let build = find(&store, lease.build()).await;
    assert_eq!((build.losses, build.not_before, build.failure), (1, at(60), None));
    assert_eq!(outbox::due(&store, 9).await.unwrap().len(), 1);
}

async fn a_loss_too_many_ends_it_with_its_failure(ground: &Ground) {
    let store = ground.store().await;
    let mut lease = held(&store).await;
    hand_back(&store, &lease, lost(at(5)), true, at(5)).await.unwrap();
    lease = claim(&store, "h1", at(5)).await.unwrap().lease;
    let terms = HandBack { max_attempts: 2, ..lost(at(6)) };
    let state = hand_back(&store, &lease, terms, true, at(6)).await.unwrap();
    assert_eq!(state, BuildState::Finished(Outcome::Failed));
    let failure = find(&store, lease.build()).await.failure.unwrap();
    assert_eq!(failure.reason, Reason::HostUnreachable);
    assert_eq!(failure.message, "host h1 does not answer, in 2 attempts");
    assert_eq!((ground.count("sealed_secrets").await, ground.count("leases").await), (0, 0));
}

async fn what_was_to_be_cancelled_is_cancelled(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    cancel(&store, lease.build(), at(2)).await.unwrap();
    let state = hand_back(&store, &lease, orderly(at(3)), true, at(3)).await.unwrap();
    assert_eq!(state, BuildState::Finished(Outcome::Cancelled));
}

async fn what_is_in_the_registry_has_succeeded(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Purging).await;
    let state = hand_back(&store, &lease, lost(at(5)), false, at(5)).await.unwrap();
    assert_eq!(state, BuildState::Finished(Outcome::Succeeded));
}

async fn a_purged_image_is_forgotten(ground: &Ground) {
    let store = ground.store().await;
    let left = async || images::left_on(&store, &host("h1")).await.unwrap().len();
    let lease = held(&store).await;
    hand_back(&store, &lease, orderly(at(5)), false, at(5)).await.unwrap();
    assert_eq!(left().await, 1);
    let lease = claim(&store, "h1", at(6)).await.unwrap().lease;
    hand_back(&store, &lease, orderly(at(7)), true, at(7)).await.unwrap();
    assert_eq!(left().await, 1, "the first attempt's is still there");
}

fn lost(not_before: chrono::DateTime<chrono::Utc>) -> HandBack {
    let loss = Failure::new(Reason::HostUnreachable, "host h1 does not answer");
    HandBack { loss: Some(loss), ..orderly(not_before) }
}
