//! A build ends: its outcome, its event and the erasing of its secrets, together.

use slipway_domain::{BuildState, Outcome, Stage};
use slipway_store::builds::{Ending, advance, finish, succeed};
use slipway_store::{StoreError, images};

use crate::cast::{DIGEST, at, failure, find, held, held_in, host, told};
use crate::ground::Ground;

stories!(
    it_succeeds,
    it_succeeds_whatever_its_holder_takes_it_for,
    nobody_else_makes_it_succeed,
    it_fails_and_says_why,
    it_outlasts_its_time,
    it_was_cancelled,
    it_keeps_its_image_on_the_host,
    secrets_and_lease_are_gone_whatever_the_end,
    an_image_that_may_be_left_is_remembered,
);

async fn it_succeeds(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Purging).await;
    finish(&store, &lease, Ending::Succeeded, true, at(9)).await.unwrap();
    let build = find(&store, lease.build()).await;
    assert_eq!(build.state, BuildState::Finished(Outcome::Succeeded));
    assert_eq!((build.digest.as_deref(), build.failure), (Some(DIGEST), None));
    let times = build.timings;
    let seconds = [1, 2, 3, 4, 9].map(|second| Some(at(second)));
    assert_eq!(
        [
            times.preparing_at,
            times.building_at,
            times.pushing_at,
            times.purging_at,
            times.finished_at
        ],
        seconds
    );
    assert_eq!(
        told(&store, lease.build()).await,
        [
            "1 queued".to_owned(),
            "2 preparing on h1".into(),
            "3 building on h1".into(),
            "4 pushing on h1".into(),
            "5 purging on h1".into(),
            format!("6 succeeded on h1 as {DIGEST}"),
        ]
    );
}

async fn it_succeeds_whatever_its_holder_takes_it_for(ground: &Ground) {
    let store = ground.store().await;
    for known in [Stage::Purging, Stage::Pushing] {
        let lease = held_in(&store, Stage::Purging).await;
        succeed(&store, &lease, known, Some(DIGEST), true, at(9)).await.unwrap();
        let build = find(&store, lease.build()).await;
        assert_eq!(build.state, BuildState::Finished(Outcome::Succeeded));
        assert_eq!(
            (build.digest.as_deref(), build.timings.finished_at),
            (Some(DIGEST), Some(at(9)))
        );
        let last = told(&store, lease.build()).await.pop().unwrap();
        assert_eq!(last, format!("6 succeeded on h1 as {DIGEST}"));
        assert_eq!(ground.count("leases").await, 0);
    }
}

async fn nobody_else_makes_it_succeed(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Purging).await;
    finish(&store, &lease, Ending::Failed(failure()), true, at(8)).await.unwrap();
    let before = ground.everything().await;
    for known in [Stage::Purging, Stage::Building] {
        let late = succeed(&store, &lease, known, Some(DIGEST), true, at(9)).await;
        assert!(matches!(late, Err(StoreError::LeaseLost(_))), "{late:?}");
    }
    assert_eq!(ground.everything().await, before);
}

async fn it_fails_and_says_why(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Building).await;
    finish(&store, &lease, Ending::Failed(failure()), true, at(9)).await.unwrap();
    let build = find(&store, lease.build()).await;
    assert_eq!(build.state, BuildState::Finished(Outcome::Failed));
    assert_eq!((build.failure, build.digest), (Some(failure()), None));
    let last = told(&store, lease.build()).await.pop().unwrap();
    assert_eq!(last, "4 failed on h1: the step RUN make ended with code 2");
}

async fn it_outlasts_its_time(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Pushing).await;
    finish(&store, &lease, Ending::TimedOut(failure()), true, at(9)).await.unwrap();
    let build = find(&store, lease.build()).await;
    assert_eq!(build.state, BuildState::Finished(Outcome::TimedOut));
    assert_eq!(build.failure, Some(failure()));
}

async fn it_was_cancelled(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    finish(&store, &lease, Ending::Cancelled, true, at(9)).await.unwrap();
    let build = find(&store, lease.build()).await;
    assert_eq!(build.state, BuildState::Finished(Outcome::Cancelled));
    assert_eq!((build.failure, build.timings.finished_at), (None, Some(at(9))));
}

async fn it_keeps_its_image_on_the_host(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Building).await;
    finish(&store, &lease, Ending::Succeeded, true, at(9)).await.unwrap();
    let build = find(&store, lease.build()).await;
    assert_eq!((build.state, build.digest), (BuildState::Finished(Outcome::Succeeded), None));
}

async fn secrets_and_lease_are_gone_whatever_the_end(ground: &Ground) {
    let store = ground.store().await;
    for ending in [
        Ending::Succeeded,
        Ending::Failed(failure()),
        Ending::TimedOut(failure()),
        Ending::Cancelled,
    ] {
        let lease = held_in(&store, Stage::Building).await;
        assert_eq!((ground.count("sealed_secrets").await, ground.count("leases").await), (1, 1));
        finish(&store, &lease, ending, true, at(9)).await.unwrap();
        assert_eq!((ground.count("sealed_secrets").await, ground.count("leases").await), (0, 0));
        assert!(find(&store, lease.build()).await.had_secrets, "a retry knows that they are gone");
    }
}

async fn an_image_that_may_be_left_is_remembered(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    advance(&store, &lease, Stage::Building, None, at(2)).await.unwrap();
    finish(&store, &lease, Ending::Cancelled, false, at(3)).await.unwrap();
    let left = images::left_on(&store, &host("h1")).await.unwrap();
    assert_eq!(left.len(), 1);
    let purged = held(&store).await;
    finish(&store, &purged, Ending::Cancelled, true, at(3)).await.unwrap();
    assert_eq!(images::left_on(&store, &host("h1")).await.unwrap(), left);
}
