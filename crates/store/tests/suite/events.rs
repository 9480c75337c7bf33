//! One sequence per build, without gaps, whoever writes and whoever reads.

use std::time::Duration;

use futures::future::join_all;
use slipway_domain::{BuildId, Event, Stage};
use slipway_store::Store;
use slipway_store::builds::{Cancelled, Ending, advance, advance_after, cancel, finish};
use slipway_store::events::{after, append, none_after};

use crate::cast::{all_events, at, find, held, log, spec, submit, told};
use crate::ground::Ground;

stories!(
    numbered_in_the_order_of_writing,
    nothing_to_say_writes_nothing,
    more_than_one_statement_takes_are_still_one,
    read_in_batches_from_anywhere,
    no_gap_while_many_write_and_one_reads,
    whatever_a_build_prints_comes_back,
    what_was_said_last_comes_before_the_next_stage,
    it_is_known_when_nothing_more_will_come,
);

async fn numbered_in_the_order_of_writing(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    append(&store, &lease, at(2), &[log("one\n"), log("two\n")]).await.unwrap();
    advance(&store, &lease, Stage::Building, None, at(3)).await.unwrap();
    append(&store, &lease, at(4), &[log("three\n")]).await.unwrap();
    assert_eq!(
        told(&store, lease.build()).await,
        [
            "1 queued",
            "2 preparing on h1",
            "3 log \"one\\n\"",
            "4 log \"two\\n\"",
            "5 building on h1",
            "6 log \"three\\n\""
        ]
    );
    let events = all_events(&store, lease.build()).await;
    assert_eq!((events[5].at, events[5].attempt), (at(4), lease.attempt()));
    assert_eq!(find(&store, lease.build()).await.last_seq, 6);
}

async fn nothing_to_say_writes_nothing(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let before = ground.everything().await;
    append(&store, &lease, at(2), &[]).await.unwrap();
    assert_eq!(ground.everything().await, before);
}

async fn more_than_one_statement_takes_are_still_one(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let lines: Vec<_> = (0..2500).map(|n| log(&format!("{n}\n"))).collect();
    append(&store, &lease, at(2), &lines).await.unwrap();
    let events = all_events(&store, lease.build()).await;
    assert_eq!(seqs(&events), (1..=2502).collect::<Vec<i64>>());
    let bodies: Vec<_> = events.into_iter().skip(2).map(|event| event.body).collect();
    assert_eq!(bodies, lines);
}

async fn read_in_batches_from_anywhere(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let lines: Vec<_> = (0..8).map(|n| log(&format!("{n}\n"))).collect();
    append(&store, &lease, at(2), &lines).await.unwrap();
    let read = async |from, limit| seqs(&after(&store, lease.build(), from, limit).await.unwrap());
    assert_eq!(read(0, 3).await, [1, 2, 3]);
    assert_eq!(read(3, 3).await, [4, 5, 6]);
    assert_eq!(read(8, 3).await, [9, 10]);
    assert_eq!(read(10, 3).await, [0; 0]);
    assert_eq!(read(99, 3).await, [0; 0]);
    assert_eq!(read(-5, 1).await, [1]);
    assert_eq!(after(&store, BuildId::generate(), 0, 3).await.unwrap(), []);
}

async fn no_gap_while_many_write_and_one_reads(ground: &Ground) {
    const WRITERS: i64 = 8;
    const EACH: i64 = 30;
    let store = ground.store().await;
    let lease = held(&store).await;
    // Batches of 1, 2 and 3 in turn, from each writer.
    let written: i64 = WRITERS * (0..EACH).map(|n| n % 3 + 1).sum::<i64>();
    let last = 2 + written;

    let reading = tokio::spawn(read_to(ground.store().await, lease.build(), last));
    let writing = (0..WRITERS).map(|writer| {
        let (store, lease) = (store.clone(), lease.clone());
        tokio::spawn(async move {
            for n in 0..EACH {
                let lines: Vec<_> = (0..=n % 3).map(|_| log(&format!("{writer}\n"))).collect();
                // No two batches of a build have one time.
                append(&store, &lease, at(2 + n * WRITERS + writer), &lines).await.unwrap();
                if n == EACH / 2 {
                    let answer = cancel(&store, lease.build(), at(3)).await.unwrap();
                    assert_eq!(answer, Cancelled::Requested);
                }
            }
        })
    });
    for writer in join_all(writing).await {
        writer.unwrap();
    }
    let read = tokio::time::timeout(Duration::from_secs(120), reading).await.unwrap().unwrap();
    assert_eq!(read, (1..=last).collect::<Vec<i64>>());
    assert_eq!(find(&store, lease.build()).await.last_seq, last);
}

/// Reads as a follower does: what comes after the last number it saw.
async fn read_to(store: Store, build: BuildId, last: i64) -> Vec<i64> {
    let mut read = Vec::new();
    while read.last() != Some(&last) {
        let from = read.last().copied().unwrap_or(0);
        read.extend(seqs(&after(&store, build, from, 7).await.unwrap()));
    }
    read
}

async fn whatever_a_build_prints_comes_back(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let odd = "nul \0, crab 🦀, combining e\u{301}, \u{2028}, \u{1b}[31mred\u{1b}[0m, \\u0000, \u{feff}\r\n";
    let large = odd.repeat(16 * 1024);
    assert!(large.len() > 1024 * 1024);
    let lines = [log(odd), log(&large), log("")];
    append(&store, &lease, at(2), &lines).await.unwrap();
    let events = after(&store, lease.build(), 2, 9).await.unwrap();
    let bodies: Vec<_> = events.into_iter().map(|event| event.body).collect();
    assert!(bodies == lines, "the text came back changed");
}

async fn what_was_said_last_comes_before_the_next_stage(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let said = [log("one\n"), log("two\n")];
    advance_after(&store, &lease, &said, Stage::Building, None, at(3)).await.unwrap();
    advance_after(&store, &lease, &[], Stage::Pushing, None, at(4)).await.unwrap();
    assert_eq!(
        told(&store, lease.build()).await[2..],
        ["3 log \"one\\n\"", "4 log \"two\\n\"", "5 building on h1", "6 pushing on h1"]
    );
    assert_eq!(find(&store, lease.build()).await.last_seq, 6);
}

async fn it_is_known_when_nothing_more_will_come(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let over = async |from| none_after(&store, lease.build(), from).await.unwrap();
    assert!(!over(0).await && !over(2).await && !over(99).await, "it runs");
    finish(&store, &lease, Ending::Cancelled, true, at(2)).await.unwrap();
    assert!(!over(0).await && !over(2).await, "event 3 is still to be read");
    assert!(over(3).await && over(99).await);
    assert!(none_after(&store, BuildId::generate(), 0).await.unwrap(), "no such build");
    let waiting = submit(&store, &spec("r.example/app:1"), at(0)).await;
    assert!(!none_after(&store, waiting.id, 1).await.unwrap());
}

fn seqs(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.seq).collect()
}
