//! A blob store that is not the one that was used before.

use futures::future::join_all;
use slipway_domain::{Project, UploadId};
use slipway_store::archive::{move_one, sweep};
use slipway_store::builds::forget;
use slipway_store::mark::{NotOurs, Taken, look, settle, take};
use slipway_store::uploads::{self, Upload};
use slipway_store::{StoreError, events};

use super::place::{Place, move_all, over, stories_of_both};
use crate::cast::{all_events, at};
use crate::ground::Ground;

stories_of_both!(
    several_mark_it_once,
    another_one_takes_no_log_and_says_nothing_of_those_it_lacks,
    a_store_of_before_there_were_marks,
    whoever_was_killed_over_it_left_it_to_the_next,
    an_upload_that_is_not_in_another_store_is_not_gone,
);

fn other(looked: Result<(), StoreError>) -> NotOurs {
    match looked {
        Err(StoreError::OtherBlobs(why)) => why,
        otherwise => panic!("{otherwise:?}"),
    }
}

async fn several_mark_it_once(ground: &Ground, place: &Place) {
    let store = ground.store().await;
    look(&store, &place.blobs()).await.unwrap();
    assert_eq!(place.mark(), None, "who only looks writes nothing");
    let all: Vec<_> = (0..8).map(|_| (store.clone(), place.blobs())).collect();
    for settled in join_all(all.iter().map(|(store, blobs)| settle(store, blobs))).await {
        settled.unwrap();
    }
    let mark = place.mark().unwrap();
    settle(&ground.open().await, &place.blobs()).await.unwrap();
    assert_eq!((place.mark().unwrap(), ground.count("blob_mark").await), (mark, 1));
    assert_eq!(take(&store, &place.blobs()).await.unwrap(), Taken::Already);
}

async fn another_one_takes_no_log_and_says_nothing_of_those_it_lacks(
    ground: &Ground,
    place: &Place,
) {
    let store = place.store(ground).await;
    let (moved, forgotten) = (over(&store, 600).await, over(&store, 9).await);
    let all = all_events(&store, moved).await;
    assert_eq!(move_all(&store).await.len(), 2);
    let (rows, mark) = (over(&store, 30).await, place.mark().unwrap());
    assert_eq!(all_events(&store, forgotten).await.len(), 14);
    ground.sql("UPDATE builds SET finished_at = created_at WHERE last_seq = 14").await.unwrap();
    assert_eq!(forget(&store, at(500), 9).await.unwrap(), 1);

    // As a folder is below the place where one was mounted, or somebody else's bucket.
    let empty = Place::like(place).await;
    for (text, why) in [
        (None, NotOurs::Unmarked),
        (Some("0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071\n"), NotOurs::OfAnother),
        (Some("something else"), NotOurs::OfAnother),
        (Some(""), NotOurs::OfAnother),
    ] {
        if let Some(text) = text {
            empty.set_mark(text);
        }
        let store = empty.store(ground).await;
        assert_eq!(other(look(&store, &empty.blobs()).await), why);
        assert_eq!(other(settle(&store, &empty.blobs()).await), why);
        assert_eq!(other(move_one(&store, rows, at(2000)).await.map(drop)), why);
        assert_eq!(other(sweep(&store, at(9000), 9).await.map(drop)), why);
        let error = events::after(&store, moved, 0, 9).await.unwrap_err();
        assert!(matches!(error, StoreError::LogAway { build, .. } if build == moved), "{error:?}");
        assert_eq!(all_events(&store, rows).await.len(), 35);
        assert_eq!(empty.logs(), [""; 0]);
        assert_eq!(empty.mark().as_deref(), text);
    }
    // The right one again: nobody holds the log that could not be moved.
    assert!(all_events(&place.store(ground).await, moved).await == all);
    assert_eq!(place.mark().unwrap(), mark);
    assert!(move_one(&store, rows, at(2000)).await.unwrap().is_some());
    assert_eq!(sweep(&store, at(9000), 9).await.unwrap(), 1);

    // Somebody says that the other one it is.
    let store = empty.store(ground).await;
    assert_eq!(take(&store, &empty.blobs()).await.unwrap(), Taken::Marked);
    settle(&store, &empty.blobs()).await.unwrap();
    let error = events::after(&store, moved, 0, 9).await.unwrap_err();
    assert!(matches!(error, StoreError::LogMissing(_)), "{error:?}");
    assert_eq!(other(look(&store, &place.blobs()).await), NotOurs::OfAnother);
    // And back: it keeps its mark.
    assert_eq!(take(&store, &place.blobs()).await.unwrap(), Taken::AsItIs);
    assert_eq!(place.mark().unwrap(), mark);
    look(&store, &place.blobs()).await.unwrap();
}

/// The first start after an upgrade.
async fn a_store_of_before_there_were_marks(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let (lost, build) = (over(&store, 9).await, over(&store, 9).await);
    assert_eq!(move_all(&store).await.len(), 2);
    place.lose_mark();
    ground.sql("DELETE FROM blob_mark").await.unwrap();

    // Its folder was not mounted just then.
    let empty = Place::like(place).await;
    assert_eq!(other(look(&store, &empty.blobs()).await), NotOurs::Unmarked);
    assert_eq!(other(settle(&store, &empty.blobs()).await), NotOurs::Unmarked);
    assert_eq!((empty.mark(), ground.count("blob_mark").await), (None, 0));
    place.lose(lost);
    settle(&store, &place.blobs()).await.unwrap();
    assert!(place.mark().is_some());
    assert_eq!(all_events(&place.store(ground).await, build).await.len(), 14);
}

async fn whoever_was_killed_over_it_left_it_to_the_next(ground: &Ground, place: &Place) {
    let store = ground.store().await;
    // Between the row and the store, then between the store and the row.
    let noted = match ground.url.starts_with("sqlite") {
        true => "x'6162636465664768a96a6b6c6d6e6f70'",
        false => "'61626364-6566-4768-a96a-6b6c6d6e6f70'",
    };
    ground.sql(&format!("INSERT INTO blob_mark (one, mark) VALUES (1, {noted})")).await.unwrap();
    for _ in 0..2 {
        look(&store, &place.blobs()).await.unwrap();
        settle(&store, &place.blobs()).await.unwrap();
        assert_eq!(place.mark().unwrap(), "61626364-6566-4768-a96a-6b6c6d6e6f70\n");
        ground.sql("UPDATE blob_mark SET written_at = NULL").await.unwrap();
    }
    settle(&store, &place.blobs()).await.unwrap();
    place.lose_mark();
    assert_eq!(other(look(&store, &place.blobs()).await), NotOurs::Unmarked);
}

async fn an_upload_that_is_not_in_another_store_is_not_gone(ground: &Ground, place: &Place) {
    let store = ground.store().await;
    let blobs = place.blobs();
    settle(&store, &blobs).await.unwrap();
    let upload = Upload {
        id: UploadId::generate(),
        project: Project::default(),
        size_bytes: 7,
        sha256: "a".repeat(64),
        created_at: at(0),
    };
    uploads::insert(&store, &upload).await.unwrap();
    assert!(uploads::open(&store, &blobs, upload.id).await.unwrap().is_none(), "it is gone");
    let empty = Place::like(place).await;
    let opened = uploads::open(&store, &empty.blobs(), upload.id).await.map(drop);
    assert_eq!(other(opened), NotOurs::Unmarked);
}
