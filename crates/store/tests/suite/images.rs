//! What attempts may have left on hosts.

use slipway_store::builds::{Ending, finish, hand_back};
use slipway_store::images::{Leftover, left_on, purged};

use crate::cast::{at, claim, held, host, orderly, report};
use crate::ground::Ground;

stories!(only_what_nobody_holds, forgotten_once_the_host_has_confirmed);

async fn only_what_nobody_holds(ground: &Ground) {
    let store = ground.store().await;
    let first = held(&store).await;
    assert_eq!(left_on(&store, &host("h1")).await.unwrap(), [], "its worker looks after it");
    hand_back(&store, &first, orderly(at(2)), false, at(2)).await.unwrap();
    report(&store, "h2", 1).await;
    let second = claim(&store, "h2", at(3)).await.unwrap().lease;

    let images = vec!["r.example/team/app:1".parse().unwrap()];
    let left = Leftover { build: first.build(), attempt: first.attempt(), images };
    assert_eq!(left_on(&store, &host("h1")).await.unwrap(), std::slice::from_ref(&left));
    assert_eq!(left_on(&store, &host("h2")).await.unwrap(), []);
    finish(&store, &second, Ending::Cancelled, false, at(4)).await.unwrap();
    let on_h2 = Leftover { attempt: second.attempt(), ..left };
    assert_eq!(left_on(&store, &host("h2")).await.unwrap(), [on_h2]);
}

async fn forgotten_once_the_host_has_confirmed(ground: &Ground) {
    let store = ground.store().await;
    let first = held(&store).await;
    hand_back(&store, &first, orderly(at(2)), false, at(2)).await.unwrap();
    let second = claim(&store, "h1", at(3)).await.unwrap().lease;
    finish(&store, &second, Ending::Cancelled, false, at(4)).await.unwrap();
    let attempts = async || -> Vec<i32> {
        let left = left_on(&store, &host("h1")).await.unwrap();
        left.iter().map(|leftover| leftover.attempt.0).collect()
    };
    assert_eq!(attempts().await, [1, 2]);
    purged(&store, first.build(), first.attempt()).await.unwrap();
    assert_eq!(attempts().await, [2]);
    purged(&store, first.build(), first.attempt()).await.unwrap();
    purged(&store, second.build(), second.attempt()).await.unwrap();
    assert_eq!(attempts().await, [0; 0]);
}
