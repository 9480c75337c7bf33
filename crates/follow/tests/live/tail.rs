//! Alone: nothing lost and nothing twice, however the replay meets what is being written.

use std::time::{Duration, Instant};

use slipway_domain::{BuildId, EventBody, now};
use slipway_follow::Tail;
use slipway_queue::{News, POLL, Queue};
use slipway_store::{StoreError, events};

use crate::scene::{A_LONG_TIME, FRAME, Scene, is_quick, line, open, seqs, soon, write};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lost_and_nothing_twice_at_the_seam() {
    const EVENTS: i64 = 5000;
    let scene = Scene::set().await;
    // Followers come in at every stage of the writing, from the beginning and from later.
    let writing = tokio::spawn(write(scene.clone(), EVENTS));
    let mut following = Vec::new();
    for number in 0..8 {
        let from = [0, 7, 2500][number % 3];
        following.push((from, tokio::spawn(follow(scene.tail(from)))));
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    soon(writing).await.unwrap();
    for (from, follower) in following {
        let seen = soon(follower).await.unwrap();
        assert_eq!(seen, (from + 1..=EVENTS + FRAME).collect::<Vec<i64>>(), "from {from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_told_is_found_at_once() {
    let scene = Scene::set().await;
    let mut tail = scene.tail(2);
    let mut quick = 0;
    for number in 3..23 {
        let expected = [number];
        let next = tokio::spawn(async move { (tail.next().await.unwrap().unwrap(), tail) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        scene.say("a line\n").await;
        let told = Instant::now();
        scene.queue.tell(News::Happened(scene.lease.build()));
        let (batch, back) = soon(next).await.unwrap();
        assert_eq!(seqs(&batch), expected);
        quick += usize::from(told.elapsed() < POLL / 2);
        tail = back;
    }
    // Not all of them on a machine that has much else to do.
    assert!(quick > 10, "it was the poll: {quick} of 20 were quick");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_told_is_found_by_looking() {
    let scene = Scene::set().await;
    let mut tail = scene.tail(2);
    for number in [3, 4] {
        let next = tokio::spawn(async move { (tail.next().await.unwrap().unwrap(), tail) });
        tokio::time::sleep(Duration::from_millis(100)).await;
        // By a process that is gone before it can tell.
        scene.say("a line\n").await;
        let (batch, back) = soon(next).await.unwrap();
        assert_eq!(seqs(&batch), [number]);
        tail = back;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_others_does_not_hold_up_the_poll() {
    let scene = Scene::set().await;
    let mut tail = scene.tail(2);
    let queue = scene.queue.clone();
    let chatter = tokio::spawn(async move {
        loop {
            queue.tell(News::Happened(BuildId::generate()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let next = tokio::spawn(async move { tail.next().await.unwrap().unwrap() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    scene.say("a line\n").await;
    let batch = soon(next).await.unwrap();
    assert_eq!(seqs(&batch), [3]);
    chatter.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_with_the_last_event() {
    let scene = Scene::set().await;
    scene.end().await;
    let mut tail = scene.tail(0);
    assert_eq!(seqs(&soon(tail.next()).await.unwrap().unwrap()), [1, 2, 3]);
    for _ in 0..2 {
        assert!(is_quick(async || assert_eq!(soon(tail.next()).await.unwrap(), None)).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_end_or_beyond_it_there_is_nothing() {
    let scene = Scene::set().await;
    scene.end().await;
    for from in [3, 4, 1_000_000, i64::MAX] {
        let nothing = async || assert_eq!(soon(scene.tail(from).next()).await.unwrap(), None);
        assert!(is_quick(nothing).await, "from {from}");
    }
    let mut nobody = Tail::new(&scene.store, &scene.queue, BuildId::generate(), 0);
    assert_eq!(soon(nobody.next()).await.unwrap(), None, "no such build");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_ahead_of_a_running_build_ends_with_it() {
    let scene = Scene::set().await;
    let mut tail = scene.tail(1000);
    let next = tokio::spawn(async move { tail.next().await.unwrap() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!next.is_finished(), "it runs: there may be an event 1001");
    scene.end().await;
    scene.queue.tell(News::Happened(scene.lease.build()));
    assert_eq!(soon(next).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_off_and_asked_again_it_loses_nothing() {
    const EVENTS: i64 = 500;
    let scene = Scene::set().await;
    let writing = tokio::spawn(write(scene.clone(), EVENTS));
    let mut tail = scene.tail(0);
    let (mut seen, mut broken_off) = (Vec::new(), 0);
    let began = Instant::now();
    // Longer by and by, for a machine that is slow.
    for patience in (0..).map(|n| Duration::from_micros(n % 40 * 25 + n / 40 * 50)) {
        assert!(began.elapsed() < A_LONG_TIME, "it never ended, after {seen:?}");
        match tokio::time::timeout(patience, tail.next()).await {
            Ok(next) => match next.unwrap() {
                Some(batch) => seen.extend(seqs(&batch)),
                None => break,
            },
            Err(_) => broken_off += 1,
        }
    }
    writing.await.unwrap();
    assert!(broken_off > 10, "{broken_off}");
    assert_eq!(seen, (1..=EVENTS + FRAME).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_comes_in_batches() {
    let scene = Scene::set().await;
    let lines: Vec<EventBody> = (0..1000).map(|n| line(&format!("{n}\n"))).collect();
    events::append(&scene.store, &scene.lease, now(), &lines).await.unwrap();
    let mut tail = scene.tail(0);
    let mut seen = Vec::new();
    while let Some(batch) = tail.ready().await.unwrap() {
        assert!(batch.len() <= 64, "{} events are held at once", batch.len());
        seen.extend(seqs(&batch));
    }
    assert_eq!(seen, (1..=1002).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_after_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (store, queue) = (open(&folder).await, Queue::open("local:").unwrap());
    let mut tail = Tail::new(&store, &queue, BuildId::generate(), 0);
    // Without its schema, the database refuses every look.
    assert!(matches!(soon(tail.next()).await, Err(StoreError::Database(_))));
    store.migrate().await.unwrap();
    assert_eq!(soon(tail.next()).await.unwrap(), None);
}

async fn follow(mut tail: Tail) -> Vec<i64> {
    let mut seen = Vec::new();
    while let Some(batch) = tail.next().await.unwrap() {
        seen.extend(seqs(&batch));
    }
    seen
}
