//! Somebody asks for a build to stop, in each of its states.

use slipway_domain::{BuildId, BuildState, Outcome, Stage};
use slipway_store::builds::{Cancelled, Ending, advance, cancel, cancel_requested, finish, renew};

use crate::cast::{
    DIGEST, at, claim, find, held, held_in, report, secrets, spec, submit, submit_with, told,
};
use crate::ground::Ground;

stories!(
    in_line,
    in_line_twice,
    while_it_runs,
    twice_while_it_runs,
    asked_while_the_last_byte_was_pushed,
    while_it_purges,
    after_its_end,
    unknown,
);

async fn in_line(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let spec = spec("r.example/app:1");
    submit_with(&store, &spec, &secrets("hunter2"), None, at(0)).await.unwrap();
    let build =
        slipway_store::builds::list(&store, &Default::default(), 1).await.unwrap().remove(0);
    assert_eq!(cancel(&store, build.id, at(5)).await.unwrap(), Cancelled::Now);

    let over = find(&store, build.id).await;
    assert_eq!(over.state, BuildState::Finished(Outcome::Cancelled));
    assert_eq!(over.timings.finished_at, Some(at(5)));
    assert_eq!(told(&store, build.id).await, ["1 queued", "2 cancelled"]);
    assert_eq!(ground.count("sealed_secrets").await, 0);
    assert!(claim(&store, "h1", at(9)).await.is_none());
}

async fn in_line_twice(ground: &Ground) {
    let store = ground.store().await;
    let build = submit(&store, &spec("r.example/app:1"), at(0)).await;
    cancel(&store, build.id, at(1)).await.unwrap();
    let before = ground.everything().await;
    let again = cancel(&store, build.id, at(2)).await.unwrap();
    assert_eq!(again, Cancelled::Over(Outcome::Cancelled));
    assert_eq!(ground.everything().await, before);
}

async fn while_it_runs(ground: &Ground) {
    let store = ground.store().await;
    for stage in [Stage::Preparing, Stage::Building, Stage::Pushing] {
        let lease = held_in(&store, stage).await;
        assert!(!renew(&store, &lease, at(20)).await.unwrap().cancel_requested, "{stage}");
        assert!(!cancel_requested(&store, lease.build()).await.unwrap(), "{stage}");
        assert_eq!(cancel(&store, lease.build(), at(9)).await.unwrap(), Cancelled::Requested);
        let build = find(&store, lease.build()).await;
        assert_eq!(build.state, BuildState::Running(stage), "its worker ends it");
        assert_eq!(build.cancel_requested_at, Some(at(9)));
        assert!(renew(&store, &lease, at(20)).await.unwrap().cancel_requested, "{stage}");
        assert!(cancel_requested(&store, lease.build()).await.unwrap(), "{stage}");
        finish(&store, &lease, Ending::Cancelled, true, at(10)).await.unwrap();
    }
}

async fn twice_while_it_runs(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    cancel(&store, lease.build(), at(5)).await.unwrap();
    let before = ground.everything().await;
    assert_eq!(cancel(&store, lease.build(), at(6)).await.unwrap(), Cancelled::Requested);
    assert_eq!(ground.everything().await, before);
    // The worker purges before it ends the build: still the same cancel.
    advance(&store, &lease, Stage::Building, None, at(7)).await.unwrap();
    advance(&store, &lease, Stage::Purging, None, at(7)).await.unwrap();
    assert_eq!(cancel(&store, lease.build(), at(8)).await.unwrap(), Cancelled::Requested);
}

async fn asked_while_the_last_byte_was_pushed(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Pushing).await;
    assert_eq!(cancel(&store, lease.build(), at(5)).await.unwrap(), Cancelled::Requested);
    advance(&store, &lease, Stage::Purging, Some(DIGEST), at(6)).await.unwrap();
    assert_eq!(cancel(&store, lease.build(), at(7)).await.unwrap(), Cancelled::TooLate);
}

async fn while_it_purges(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Purging).await;
    let before = ground.everything().await;
    assert_eq!(cancel(&store, lease.build(), at(9)).await.unwrap(), Cancelled::TooLate);
    assert_eq!(ground.everything().await, before);
    assert!(!renew(&store, &lease, at(20)).await.unwrap().cancel_requested);
}

async fn after_its_end(ground: &Ground) {
    let store = ground.store().await;
    let lease = held_in(&store, Stage::Purging).await;
    finish(&store, &lease, Ending::Succeeded, true, at(9)).await.unwrap();
    let before = ground.everything().await;
    let answer = cancel(&store, lease.build(), at(10)).await.unwrap();
    assert_eq!(answer, Cancelled::Over(Outcome::Succeeded));
    assert_eq!(ground.everything().await, before);
}

async fn unknown(ground: &Ground) {
    let store = ground.store().await;
    let before = ground.everything().await;
    let answer = cancel(&store, BuildId::generate(), at(1)).await.unwrap();
    assert_eq!(answer, Cancelled::Unknown);
    assert!(!cancel_requested(&store, BuildId::generate()).await.unwrap());
    assert_eq!(ground.everything().await, before);
}
