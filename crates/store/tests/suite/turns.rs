//! Pushes of one image take turns, whoever pushes.

use slipway_store::builds::{Ending, finish, return_expired};
use slipway_store::turns::{give_back, take};

use crate::cast::{at, claim, report, spec, submit};
use crate::ground::Ground;

stories!(one_at_a_time, a_lost_lease_loses_its_turn);

async fn one_at_a_time(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    let mut leases = Vec::new();
    for second in 0..3 {
        submit(&store, &spec("r.example/app:1"), at(second)).await;
        leases.push(claim(&store, "h1", at(9)).await.unwrap().lease);
    }
    let (image, other) = (&spec("r.example/app:1").image, &spec("r.example/app:2").image);
    assert!(take(&store, &leases[0], image).await.unwrap());
    assert!(take(&store, &leases[0], image).await.unwrap(), "it is its turn already");
    assert!(!take(&store, &leases[1], image).await.unwrap());
    assert!(take(&store, &leases[1], other).await.unwrap(), "another tag is nobody's");
    give_back(&store, &leases[0]).await.unwrap();
    assert!(take(&store, &leases[2], image).await.unwrap());
    finish(&store, &leases[2], Ending::Cancelled, true, at(10)).await.unwrap();
    assert!(!take(&store, &leases[2], image).await.unwrap(), "it is over");
    assert!(take(&store, &leases[0], image).await.unwrap());
}

async fn a_lost_lease_loses_its_turn(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    for second in 0..2 {
        submit(&store, &spec("r.example/app:1"), at(second)).await;
    }
    let image = &spec("r.example/app:1").image;
    let lost = claim(&store, "h1", at(0)).await.unwrap().lease;
    assert!(take(&store, &lost, image).await.unwrap());
    let held = claim(&store, "h1", at(9)).await.unwrap().lease;
    assert!(!take(&store, &held, image).await.unwrap());
    return_expired(&store, 3, at(21)).await.unwrap();
    assert!(take(&store, &held, image).await.unwrap());
    assert!(!take(&store, &lost, image).await.unwrap(), "a lost lease has no turn");
}
