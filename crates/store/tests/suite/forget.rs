//! Old builds are forgotten, and nothing with them that is still needed.

use slipway_store::builds::{Ending, find, finish, forget};

use crate::cast::{at, claim, held, log, report, spec, submit};
use crate::ground::Ground;

stories!(the_oldest_go_first_with_all_that_was_theirs, what_may_be_on_a_host_is_remembered);

async fn the_oldest_go_first_with_all_that_was_theirs(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 8).await;
    let mut builds = Vec::new();
    for n in 0..5 {
        builds.push(submit(&store, &spec("r.example/app:1"), at(n)).await.id);
        let lease = claim(&store, "h1", at(10 + n)).await.unwrap().lease;
        slipway_store::events::append(&store, &lease, at(20 + n), &[log("a line\n")])
            .await
            .unwrap();
        finish(&store, &lease, Ending::Cancelled, true, at(100 + n)).await.unwrap();
    }
    let waiting = submit(&store, &spec("r.example/app:1"), at(1)).await.id;

    assert_eq!(forget(&store, at(103), 2).await.unwrap(), 2);
    assert_eq!(forget(&store, at(103), 2).await.unwrap(), 1);
    assert_eq!(forget(&store, at(103), 2).await.unwrap(), 0);
    for (n, build) in builds.into_iter().enumerate() {
        assert_eq!(find(&store, build).await.unwrap().is_some(), n > 2);
    }
    assert!(find(&store, waiting).await.unwrap().is_some(), "however old, it is not over");
    // In line, claimed, a line of its log, its end; and the one that waits.
    assert_eq!(ground.count("events").await, 2 * 4 + 1);
}

async fn what_may_be_on_a_host_is_remembered(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    finish(&store, &lease, Ending::Cancelled, false, at(4)).await.unwrap();
    assert_eq!(forget(&store, at(99), 9).await.unwrap(), 0, "nobody could purge its image");
    slipway_store::images::purged(&store, lease.build(), lease.attempt()).await.unwrap();
    assert_eq!(forget(&store, at(99), 9).await.unwrap(), 1);
    assert_eq!(ground.count("events").await, 0);
}
