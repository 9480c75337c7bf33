//! A blob store that is away, lost a log, or damaged it.

use slipway_store::archive::{hold, move_one, write};
use slipway_store::builds::forget;
use slipway_store::{StoreError, archive, events};
use slipway_test_support::wire::{End, Wire};

use super::place::{Place, file, move_all, over, stories_of_both};
use crate::cast::{all_events, at};
use crate::ground::Ground;

stories_of_both!(a_log_that_was_lost, a_process_without_a_blob_store);

mod wired {
    use super::*;

    stories!(a_bucket_that_is_away);

    async fn a_bucket_that_is_away(ground: &Ground) {
        super::a_bucket_that_is_away(ground).await;
    }
}

mod damaged {
    use super::*;

    stories!(a_blob_that_was_damaged);

    async fn a_blob_that_was_damaged(ground: &Ground) {
        super::a_blob_that_was_damaged(ground).await;
    }
}

async fn a_log_that_was_lost(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let build = over(&store, 9).await;
    move_all(&store).await;
    place.lose(build);
    let error = events::after(&store, build, 0, 9).await.unwrap_err();
    assert!(matches!(error, StoreError::LogMissing(of) if of == build), "{error:?}");
    assert!(!error.is_passing());
    assert_eq!(forget(&store, at(2000), 9).await.unwrap(), 1);
    assert_eq!(events::after(&store, build, 0, 9).await.unwrap(), []);
    assert_eq!(archive::sweep(&store, at(9000), 9).await.unwrap(), 1);
}

async fn a_process_without_a_blob_store(ground: &Ground, place: &Place) {
    let without = ground.store().await;
    let build = over(&without, 9).await;
    let error = move_one(&without, build, at(2000)).await.unwrap_err();
    assert!(matches!(error, StoreError::Settings(_)), "{error:?}");
    assert_eq!(all_events(&without, build).await.len(), 14);
    assert!(move_one(&place.store(ground).await, build, at(9000)).await.unwrap().is_some());
    let error = events::after(&without, build, 0, 9).await.unwrap_err();
    let StoreError::LogAway { build: whose, why } = &error else { panic!("{error:?}") };
    assert!(*whose == build && matches!(**why, StoreError::Settings(_)), "{error:?}");
    assert!(!error.is_passing());
}

async fn a_bucket_that_is_away(ground: &Ground) {
    let Place::Bucket(bucket) = Place::bucket().await else { panic!("it is one") };
    let wire = Wire::to(End::Tcp(bucket.address())).await.unwrap();
    let store = ground.store().await.with_archive(&crate::bucket::open(&wire.address()));
    let (moved, rows) = (over(&store, 700).await, over(&store, 30).await);
    let (all, all_rows) = (all_events(&store, moved).await, all_events(&store, rows).await);
    assert!(move_one(&store, moved, at(2000)).await.unwrap().is_some());
    let held = hold(&store, rows, at(2000)).await.unwrap().unwrap();

    wire.cut();
    let (read, written) = futures::join!(events::after(&store, moved, 0, 9), write(&store, held));
    let error = read.unwrap_err();
    let StoreError::LogAway { build, why } = &error else { panic!("{error:?}") };
    assert!(*build == moved && matches!(**why, StoreError::Unavailable(_)), "{error:?}");
    assert!(error.is_passing());
    assert!(matches!(written.unwrap_err(), StoreError::Unavailable(_)));
    assert!(all_events(&store, rows).await == all_rows, "whose log is rows is not touched");

    wire.mend();
    assert!(all_events(&store, moved).await == all);
    assert!(move_one(&store, rows, at(9000)).await.unwrap().is_some());
    assert!(all_events(&store, rows).await == all_rows);
}

async fn a_blob_that_was_damaged(ground: &Ground) {
    let place = Place::folder();
    let store = place.store(ground).await;
    let build = over(&store, 600).await;
    let all = all_events(&store, build).await;
    let size = move_all(&store).await[0].bytes;
    let Place::Folder(folder) = &place else { panic!("it is one") };
    let whole = std::fs::read(file(folder, build)).unwrap();
    let half = whole.len() / 2;
    let mut changed = whole.clone();
    changed[half] ^= 1;
    for damaged in [&changed, &whole[..half].to_vec(), &vec![0; whole.len()], &Vec::new()] {
        std::fs::write(file(folder, build), damaged).unwrap();
        // Another server, that has not read it yet.
        let store = place.store(ground).await;
        let read = events::after(&store, build, 0, u16::MAX).await;
        let Err(error) = read else { panic!("it is not what was written") };
        assert!(!error.is_passing(), "{error:?}");
    }
    std::fs::write(file(folder, build), &whole).unwrap();
    assert_eq!(i64::try_from(whole.len()).unwrap(), size);
    assert!(all_events(&place.store(ground).await, build).await == all);
}
