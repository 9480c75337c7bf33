//! Whoever reads is not told where a log is.

use slipway_domain::{BuildId, FollowerKind};
use slipway_store::archive::move_one;
use slipway_store::builds::{self, Ending, finish};
use slipway_store::followers::{self, AskedAgain, Ended, Next, states_after};
use slipway_store::{Store, events};

use super::place::{Place, file, move_all, over, running, stories_of_both};
use crate::bucket::resident;
use crate::cast::{all_events, at, claim, find, log, report};
use crate::followers::{followed, follower, take, tried};
use crate::ground::Ground;

stories_of_both!(
    from_any_number_as_before,
    a_reader_in_the_middle_goes_on,
    readers_at_work_lose_nothing_and_read_nothing_twice,
    what_was_told_is_told_again,
);

/// All that can be asked of a build's events, from numbers all over it.
async fn everything(store: &Store, build: BuildId) -> Vec<String> {
    let mut said = Vec::new();
    let last = find(store, build).await.last_seq;
    for n in (-1..last).step_by(17).chain(last - 3..=last + 2) {
        let few = events::after(store, build, n, 3).await.unwrap();
        let batch = events::batch_after(store, build, n, 64, 256 * 1024).await.unwrap();
        let small = events::batch_after(store, build, n, 64, 200).await.unwrap();
        let states = states_after(store, build, n).await.unwrap();
        let over = events::none_after(store, build, n).await.unwrap();
        let seqs: Vec<i64> = batch.iter().chain(&small).chain(&states).map(|e| e.seq).collect();
        said.push(format!("{n}: {over} {seqs:?} {few:?} {:?}", batch.last()));
    }
    said
}

async fn from_any_number_as_before(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let build = over(&store, 700).await;
    let (before, row) = (everything(&store, build).await, find(&store, build).await);
    let all = all_events(&store, build).await;
    let moved = move_all(&store).await;
    assert_eq!((moved.len(), moved[0].events), (1, row.last_seq));

    assert_eq!(ground.count("events").await, 0);
    let frames = ground.count("log_frames").await;
    assert!(frames > 2 && frames < 10, "{frames}");
    assert_eq!(place.logs(), [format!("{build}.jsonl.zst")]);
    // The server that moved it, and another.
    for store in [store, place.store(ground).await] {
        assert_eq!(find(&store, build).await, row, "the build itself is as it was");
        assert!(all_events(&store, build).await == all);
        assert!(everything(&store, build).await == before);
    }
    assert_eq!(place.blobs().complete_before(at(i64::from(i32::MAX))).await.unwrap(), []);
    if let Place::Folder(folder) = place {
        let blob = std::fs::read(file(folder, build)).unwrap();
        assert_eq!(i64::try_from(blob.len()).unwrap(), moved[0].bytes);
        let lines = String::from_utf8(zstd::decode_all(blob.as_slice()).unwrap()).unwrap();
        assert_eq!(i64::try_from(lines.lines().count()).unwrap(), row.last_seq);
        let first = r#"{"seq":1,"at":"2026-09-21T14:13:20Z","attempt":0,"body":{"kind":"state","#;
        assert!(lines.starts_with(first), "{lines}");
    }
}

async fn a_reader_in_the_middle_goes_on(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let build = over(&store, 200).await;
    let all = all_events(&store, build).await;
    let mut read = events::after(&store, build, 0, 77).await.unwrap();
    move_all(&store).await;
    while let Some(last) = read.last().map(|event| event.seq)
        && !events::none_after(&store, build, last).await.unwrap()
    {
        read.extend(events::after(&store, build, last, 77).await.unwrap());
    }
    assert!(read == all);
}

async fn readers_at_work_lose_nothing_and_read_nothing_twice(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    let lease = running(&store).await;
    let build = lease.build();
    let readers: Vec<_> = (1..=6)
        .map(|step| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut read = Vec::new();
                loop {
                    let last = read.last().copied().unwrap_or(0);
                    let batch = events::batch_after(&store, build, last, step, 9999).await.unwrap();
                    read.extend(batch.iter().map(|event| event.seq));
                    if batch.is_empty() && events::none_after(&store, build, last).await.unwrap() {
                        return read;
                    }
                }
            })
        })
        .collect();
    for n in 0..60 {
        events::append(&store, &lease, at(3 + n), &[log("one\n"), log("two\n")]).await.unwrap();
    }
    finish(&store, &lease, Ending::Cancelled, true, at(1000)).await.unwrap();
    let moved = move_one(&store, build, at(2000)).await.unwrap().unwrap();
    assert_eq!(moved.events, 3 + 120 + 1);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), (1..=moved.events).collect::<Vec<i64>>());
    }
}

async fn what_was_told_is_told_again(ground: &Ground, place: &Place) {
    let store = place.store(ground).await;
    report(&store, "h1", 10).await;
    let build = followed(&store, &[follower(FollowerKind::Status, "https://ci.example/")]).await;
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    super::place::print(&store, &lease, 1100).await;
    finish(&store, &lease, Ending::Cancelled, true, at(1000)).await.unwrap();
    let last = find(&store, build).await.last_seq;

    // What is due is found by the rows: they stay while somebody is to be told of them.
    assert_eq!(move_all(&store).await, []);
    let taken = take(&store, 1001).await.remove(0);
    let end = Next::End { how: Ended::Done, seq: last, why: None };
    followers::record(&store, &taken, &[tried(last, 1001)], &end, at(1001)).await.unwrap();
    assert_eq!(move_all(&store).await.len(), 1);
    assert_eq!(take(&store, 1100).await.len(), 0);

    let tries = followers::deliveries(&store, build, None, 9).await.unwrap();
    let asked = followers::ask_again(&store, tries[0].id, at(3000)).await.unwrap();
    assert_eq!(asked, AskedAgain::Asked);
    let taken = take(&store, 3000).await.remove(0);
    assert_eq!(followers::resends(&store, taken.id).await.unwrap(), [last]);
    let states = states_after(&store, build, last - 1).await.unwrap();
    assert_eq!(states.iter().map(|event| event.seq).collect::<Vec<_>>(), [last]);
    let states = states_after(&store, build, 0).await.unwrap();
    assert_eq!(states.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2, last]);
    assert!(builds::find(&store, build).await.unwrap().is_some());
}

/// In a process of its own: the memory of this one is that of all the stories that run in it.
#[test]
fn a_long_log_takes_no_more_memory() {
    let mover = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["archive::reading::somebody_who_moves_a_long_log", "--exact", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&mover.stdout);
    assert!(mover.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, in a process of its own"]
async fn somebody_who_moves_a_long_log() {
    const MIB: usize = 1024 * 1024;
    crate::ground::on_sqlite(async |ground| {
        let place = Place::folder();
        let store = place.store(ground).await;
        let lease = running(&store).await;
        let lines = [(); 16].map(|()| log(&"x".repeat(64 * 1024)));
        for n in 0..64 {
            events::append(&store, &lease, at(3 + n), &lines).await.unwrap();
        }
        finish(&store, &lease, Ending::Cancelled, true, at(1000)).await.unwrap();
        let before = resident();
        let mut most = before;
        let moving = move_one(&store, lease.build(), at(2000));
        tokio::pin!(moving);
        let moved = loop {
            tokio::select! {
                moved = &mut moving => break moved.unwrap().unwrap(),
                () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {
                    most = most.max(resident());
                }
            }
        };
        let mut last = 0;
        while last < moved.events {
            let batch = events::batch_after(&store, lease.build(), last, 64, 256 * 1024);
            last = batch.await.unwrap().last().unwrap().seq;
            most = most.max(resident());
        }
        let grown = most.saturating_sub(before) / MIB;
        assert!(grown < 40, "{grown} MiB for 64");
    })
    .await;
}
