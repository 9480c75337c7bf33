//! Secrets are sealed once more when the key is changed.

use std::collections::BTreeMap;

use slipway_domain::Stage;
use slipway_store::Store;
use slipway_store::builds::{Ending, Submitted, cancel, finish};
use slipway_store::seal::{KeyRing, Rotated, rotate};

use crate::cast::{at, claim, held_in, keys, report, secrets, spec, submit, submit_with};
use crate::ground::Ground;

stories!(
    all_that_is_sealed_is_sealed_anew,
    two_at_once_and_builds_that_end_meanwhile,
    what_no_key_opens_stays,
);

fn new_key() -> KeyRing {
    KeyRing::from_key(&[9; 32])
}

async fn with(ground: &Ground, ring: KeyRing) -> Store {
    Store::open(&ground.url, ring).await.unwrap()
}

async fn sealed_by(ground: &Ground, ring: &KeyRing) -> i64 {
    let id = ring.current().unwrap();
    ground.number(&format!("SELECT count(*) FROM sealed_secrets WHERE key_id = '{id}'")).await
}

/// More than a batch of them.
async fn fifty_sealed(store: &Store) {
    for number in 0..50 {
        let secrets = secrets(&format!("password-{number}"));
        submit_with(store, &spec("r.example/app:1"), &secrets, None, at(number)).await.unwrap();
    }
}

fn resealed(resealed: u64) -> Rotated {
    Rotated { resealed, left: BTreeMap::new() }
}

async fn all_that_is_sealed_is_sealed_anew(ground: &Ground) {
    let old = ground.store().await;
    fifty_sealed(&old).await;
    submit(&old, &spec("r.example/without:1"), at(60)).await;
    let ring = new_key().with_old(keys());
    let both = with(ground, ring).await;
    // One that was sealed with the new key already.
    submit_with(&both, &spec("r.example/app:1"), &secrets("x"), None, at(61)).await.unwrap();
    assert_eq!(rotate(&both).await.unwrap(), resealed(50));
    assert_eq!(sealed_by(ground, &new_key()).await, 51);
    assert_eq!(rotate(&both).await.unwrap(), resealed(0), "the second time there is nothing to do");

    // The old key is needed no more.
    let new = with(ground, new_key()).await;
    report(&new, "h1", 100).await;
    let claimed = claim(&new, "h1", at(100)).await.unwrap();
    let password: Vec<_> =
        claimed.secrets.values().map(|secret| secret.expose().to_owned()).collect();
    assert_eq!(password, ["password-0"]);
}

async fn two_at_once_and_builds_that_end_meanwhile(ground: &Ground) {
    let old = ground.store().await;
    let running = held_in(&old, Stage::Building).await;
    fifty_sealed(&old).await;
    let builds = slipway_store::builds::list(&old, &Default::default(), 10).await.unwrap();
    let ring = new_key().with_old(keys());
    let (one, other) = (with(ground, ring.clone()).await, with(ground, ring).await);
    let ending = async {
        for build in &builds {
            cancel(&old, build.id, at(70)).await.unwrap();
        }
        finish(&old, &running, Ending::Cancelled, true, at(71)).await.unwrap();
    };
    let (first, second, ()) = tokio::join!(rotate(&one), rotate(&other), ending);
    let (first, second) = (first.unwrap(), second.unwrap());
    let total = first.resealed + second.resealed;
    assert!((40..=51).contains(&total), "{first:?} {second:?}");
    assert!(first.left.is_empty() && second.left.is_empty(), "{first:?} {second:?}");
    assert_eq!(sealed_by(ground, &new_key()).await, 40);
    assert_eq!(ground.count("sealed_secrets").await, 40);
}

async fn what_no_key_opens_stays(ground: &Ground) {
    let old = ground.store().await;
    fifty_sealed(&old).await;
    let lost = KeyRing::from_key(&[1; 32]);
    let foreign = with(ground, lost.clone()).await;
    let submitted =
        submit_with(&foreign, &spec("r.example/app:1"), &secrets("x"), None, at(99)).await.unwrap();
    assert!(matches!(submitted, Submitted::New { .. }));
    let before = ground.table("sealed_secrets").await;
    let rotated = rotate(&with(ground, new_key().with_old(keys())).await).await.unwrap();
    let left = BTreeMap::from([(lost.current().unwrap().to_owned(), 1)]);
    assert_eq!(rotated, Rotated { resealed: 50, left });
    assert_eq!(sealed_by(ground, &lost).await, 1);
    assert_ne!(ground.table("sealed_secrets").await, before);
    // With neither of the keys nothing is changed.
    let before = ground.table("sealed_secrets").await;
    let rotated = rotate(&with(ground, KeyRing::from_key(&[2; 32])).await).await.unwrap();
    assert_eq!((rotated.resealed, rotated.left.values().sum::<u64>()), (0, 51));
    assert_eq!(ground.table("sealed_secrets").await, before);
    rotate(&with(ground, KeyRing::empty()).await).await.unwrap_err();
}
