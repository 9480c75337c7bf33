//! Logs are moved once, whoever does it and whoever is killed over it.

use std::collections::BTreeSet;

use futures::future::join_all;
use slipway_domain::{BuildId, FollowerKind};
use slipway_store::archive::{hold, move_one, record, sweep, to_move, write};
use slipway_store::builds::{Ending, finish, forget};
use slipway_store::events;

use super::place::{Place, move_all, name, over, running, stories_of_both};
use crate::cast::{all_events, at, claim, find, held, log, report};
use crate::followers::{followed, follower};
use crate::ground::Ground;

stories_of_both!(
    what_is_not_over_long_ago_stays,
    killed_between_blob_and_transaction,
    who_is_slower_than_its_hold_changes_nothing,
    several_move_each_log_once,
    a_blob_goes_after_its_build,
    forgotten_while_it_is_written,
    a_row_that_cannot_be_read_stays_and_holds_up_nobody,
);

async fn what_is_not_over_long_ago_stays(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let runs = running(&store).await;
    assert!(hold(&store, runs.build(), at(5)).await.unwrap().is_none(), "it runs");
    let build = over(&store, 9).await;
    assert_eq!(to_move(&store, at(1000), at(1000), 9).await.unwrap(), []);
    assert_eq!(to_move(&store, at(1001), at(1001), 9).await.unwrap(), [build]);
    assert!(hold(&store, BuildId::generate(), at(5)).await.unwrap().is_none());
    assert_eq!(move_all(&store).await.len(), 1);
    assert_eq!(to_move(&store, at(1001), at(9000), 9).await.unwrap(), []);
    assert!(move_one(&store, build, at(9000)).await.unwrap().is_none(), "it was moved");
    events::append(&store, &runs, at(2001), &[log("it goes on\n")]).await.unwrap();
    assert_eq!(all_events(&store, runs.build()).await.len(), 4);
}

async fn killed_between_blob_and_transaction(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let build = over(&store, 600).await;
    let all = all_events(&store, build).await;
    let rows = ground.count("events").await;
    let held = hold(&store, build, at(2000)).await.unwrap().unwrap();
    drop(write(&store, held).await.unwrap());

    assert_eq!(place.logs(), [name(build)]);
    assert_eq!(ground.count("events").await, rows);
    assert!(all_events(&store, build).await == all);
    assert_eq!(move_all(&store).await, [], "it may still be at work");
    assert!(hold(&store, build, at(2000)).await.unwrap().is_none());
    let an_hour_later = at(2000 + 3600);
    assert_eq!(to_move(&store, at(2000), an_hour_later, 9).await.unwrap(), [build]);
    assert!(move_one(&store, build, an_hour_later).await.unwrap().is_some());
    assert_eq!(place.logs(), [name(build)]);
    assert_eq!(ground.count("events").await, 0);
    assert!(all_events(&store, build).await == all);
    assert_eq!(ground.count("log_blobs").await, 1);
}

async fn who_is_slower_than_its_hold_changes_nothing(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let build = over(&store, 300).await;
    let all = all_events(&store, build).await;
    let first = hold(&store, build, at(2000)).await.unwrap().unwrap();
    let slowest = first;
    let first = write(&store, first).await.unwrap();
    let second = hold(&store, build, at(6000)).await.unwrap().unwrap();
    let before = ground.everything().await;
    assert!(record(&store, &first, at(6001)).await.unwrap().is_none());
    assert_eq!(ground.everything().await, before);
    let second = write(&store, second).await.unwrap();
    assert!(record(&store, &second, at(6002)).await.unwrap().is_some());
    let before = ground.everything().await;
    assert!(record(&store, &second, at(6003)).await.unwrap().is_none(), "it is done");
    assert!(record(&store, &first, at(6004)).await.unwrap().is_none());
    assert_eq!(ground.everything().await, before);
    // It was held up before it had read anything: what is there is not written over.
    let error = write(&store, slowest).await.unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    assert!(all_events(&place.store(ground).await, build).await == all);

    // Nor does one whose build got somebody to tell meanwhile, which cannot be now.
    report(&store, "h1", 100).await;
    let followed = followed(&store, &[follower(FollowerKind::Status, "https://c.example/")]).await;
    let lease = claim(&store, "h1", at(6005)).await.unwrap().lease;
    finish(&store, &lease, Ending::Cancelled, true, at(6006)).await.unwrap();
    let held = hold(&store, followed, at(7000)).await.unwrap().unwrap();
    let written = write(&store, held).await.unwrap();
    assert!(record(&store, &written, at(7001)).await.unwrap().is_none());
    assert_eq!(all_events(&store, followed).await.len(), 3);
}

async fn several_move_each_log_once(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let mut logs = Vec::new();
    for lines in 0..12 {
        let build = over(&store, 10 * lines).await;
        logs.push((build, all_events(&store, build).await));
    }
    let servers = join_all((0..4).map(|_| place.store(ground))).await;
    let moving =
        servers.into_iter().map(|store| tokio::spawn(async move { move_all(&store).await }));
    let mut moved = Vec::new();
    for one in join_all(moving).await {
        moved.extend(one.unwrap().into_iter().map(|moved| moved.build));
    }
    assert_eq!(moved.len(), 12, "each by one");
    assert_eq!(moved.iter().collect::<BTreeSet<_>>().len(), 12);
    assert_eq!((ground.count("events").await, place.logs().len()), (0, 12));
    for (build, log) in logs {
        assert!(all_events(&store, build).await == log);
    }
}

async fn a_blob_goes_after_its_build(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let (old, later) = (over(&store, 9).await, running(&store).await);
    finish(&store, &later, Ending::Cancelled, true, at(1500)).await.unwrap();
    assert_eq!(move_all(&store).await.len(), 2);
    assert_eq!(sweep(&store, at(9000), 9).await.unwrap(), 0, "nothing is nobody's");
    assert_eq!(forget(&store, at(1200), 9).await.unwrap(), 1);
    assert_eq!(place.logs().len(), 2);
    assert_eq!(all_events(&store, old).await, [], "as of any build that there is not");
    assert_eq!(sweep(&store, at(9000), 9).await.unwrap(), 1);
    assert_eq!(sweep(&store, at(9000), 9).await.unwrap(), 0);
    assert_eq!(place.logs(), [name(later.build())]);
    assert_eq!(ground.count("log_blobs").await, 1);
    assert_eq!(ground.count("log_frames").await, 1);
    assert_eq!(all_events(&store, later.build()).await.len(), 4);

    // One whose blob is gone already, and one in line.
    place.lose(later.build());
    held(&store).await;
    assert_eq!(forget(&store, at(2000), 9).await.unwrap(), 1);
    assert_eq!(sweep(&store, at(9000), 9).await.unwrap(), 1);
    assert_eq!(ground.count("log_blobs").await, 0);
}

async fn forgotten_while_it_is_written(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let build = over(&store, 9).await;
    let held = hold(&store, build, at(2000)).await.unwrap().unwrap();
    let written = write(&store, held).await.unwrap();
    assert_eq!(forget(&store, at(2000), 9).await.unwrap(), 1);
    assert!(record(&store, &written, at(2001)).await.unwrap().is_none());
    assert_eq!(sweep(&store, at(2002), 9).await.unwrap(), 0, "somebody may be writing it");
    assert_eq!(sweep(&store, at(2000 + 3600), 9).await.unwrap(), 1);
    assert_eq!((place.logs(), ground.count("log_blobs").await), (vec![], 0));
}

async fn a_row_that_cannot_be_read_stays_and_holds_up_nobody(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let (broken, sound) = (over(&store, 20).await, over(&store, 20).await);
    let id = ground.id(broken.as_uuid());
    let change = format!("UPDATE events SET body = 'HUNTER2' WHERE build = {id} AND seq = 9");
    ground.sql(&change).await.unwrap();
    let error = move_one(&store, broken, at(2000)).await.unwrap_err();
    assert!(error.to_string().contains(&format!("{broken}/9")), "{error}");
    assert!(!format!("{error:?}").contains("HUNTER2"), "{error:?}");
    let moved: Vec<_> = move_all(&store).await.iter().map(|moved| moved.build).collect();
    assert_eq!(moved, [sound]);
    assert_eq!(place.logs(), [name(sound)]);
    assert_eq!(ground.count("events").await, find(&store, broken).await.last_seq);

    // Nor is one moved that has a gap.
    ground.sql(&format!("DELETE FROM events WHERE build = {id} AND seq = 9")).await.unwrap();
    let error = move_one(&store, broken, at(9000)).await.unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
    assert_eq!(place.logs(), [name(sound)]);
}
