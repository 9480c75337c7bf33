//! Together with others: one reader, and each follower as if it were alone.

use std::time::{Duration, Instant};

use slipway_domain::now;
use slipway_follow::{Follower, Hub, Next, Shape};
use slipway_queue::{News, POLL};
use slipway_store::events;
use tokio::runtime::Handle;

use crate::scene::{A_LONG_TIME, FRAME, Scene, is_quick, line, seqs, soon, write};

fn hub(scene: &Scene) -> Hub {
    Hub::new(&scene.store, &scene.queue, &Handle::current())
}

/// The numbers of all that a follower is given.
async fn follow(mut follower: Follower) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        match follower.next().await.unwrap() {
            Next::Events(part) => {
                seen.extend(seqs(part.events()));
                follower.took(part.last());
            }
            Next::Waiting(_) => {}
            Next::End => return seen,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lost_and_nothing_twice_at_the_seam() {
    const EVENTS: i64 = 3000;
    let scene = Scene::set().await;
    let (hub, build) = (hub(&scene), scene.build().await);
    let writing = tokio::spawn(write(scene.clone(), EVENTS));
    let mut following = Vec::new();
    for number in 0..60 {
        let from = [0, 7, 1500][number % 3];
        following.push((from, tokio::spawn(follow(hub.follow(&build, from)))));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    soon(writing).await.unwrap();
    for (from, follower) in following {
        let seen = soon(follower).await.unwrap();
        assert_eq!(seen, (from + 1..=EVENTS + FRAME).collect::<Vec<i64>>(), "from {from}");
    }
    assert_eq!(hub.readers(), 0, "nobody follows any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_who_wait_have_one_reader_and_hear_at_once() {
    let scene = Scene::set().await;
    let (hub, build) = (hub(&scene), scene.build().await);
    let mut all: Vec<_> = (0..1000).map(|_| hub.follow(&build, 2)).collect();
    let mut is_quick = false;
    // One time is enough: a machine may be busy with something else for as long as the poll takes.
    for number in 3..8 {
        let hearing: Vec<_> = all.drain(..).map(|one| tokio::spawn(hear(one))).collect();
        while hub.readers() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(hub.readers(), 1);
        scene.say("a line\n").await;
        let told = Instant::now();
        scene.queue.tell(News::Happened(scene.lease.build()));
        for hearing in hearing {
            let (seen, one) = soon(hearing).await.unwrap();
            assert_eq!(seen, [number]);
            is_quick |= all.is_empty() && told.elapsed() < POLL / 2;
            all.push(one);
        }
        if is_quick {
            break;
        }
    }
    assert!(is_quick, "it was the poll");
    let following: Vec<_> = all.into_iter().map(|one| tokio::spawn(follow(one))).collect();
    scene.end().await;
    scene.queue.tell(News::Happened(scene.lease.build()));
    for follower in following {
        assert_eq!(soon(follower).await.unwrap().len(), 1, "the end");
    }
    assert_eq!(hub.readers(), 0);
}

/// The numbers of what a follower is given next, and the follower.
async fn hear(mut follower: Follower) -> (Vec<i64>, Follower) {
    let Next::Events(part) = follower.next().await.unwrap() else { unreachable!() };
    follower.took(part.last());
    (seqs(part.events()), follower)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_is_slow_gets_all_of_it_from_the_database() {
    const EVENTS: i64 = 400;
    let scene = Scene::set().await;
    let (hub, build) = (hub(&scene), scene.build().await);
    let mut slow = hub.follow(&build, 2);
    let mut quick = hub.follow(&build, 2);
    // 25 MB, of which a part is kept at a time.
    let text = format!("{}\n", "x".repeat(64 * 1024));
    for number in 0..EVENTS {
        events::append(&scene.store, &scene.lease, now(), &[line(&text)]).await.unwrap();
        scene.queue.tell(News::Happened(scene.lease.build()));
        let Next::Events(part) = soon(quick.next()).await.unwrap() else { unreachable!() };
        assert_eq!(seqs(part.events()), [number + 3]);
        quick.took(part.last());
    }
    scene.end().await;
    let mut seen = Vec::new();
    while let Next::Events(part) = soon(slow.next()).await.unwrap() {
        // One event of what it is given, and then it thinks again.
        let first = part.events().first().unwrap().seq;
        seen.push(first);
        slow.took(first);
        let bytes: usize = part
            .wire(Shape::Lines, |event, out| {
                out.extend_from_slice(&serde_json::to_vec(event).unwrap());
            })
            .len();
        assert!(bytes < 512 * 1024, "{bytes} bytes are held at once");
    }
    assert_eq!(seen, (3..=EVENTS + FRAME).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_off_and_asked_again_it_loses_nothing() {
    const EVENTS: i64 = 500;
    let scene = Scene::set().await;
    let (hub, build) = (hub(&scene), scene.build().await);
    let writing = tokio::spawn(write(scene.clone(), EVENTS));
    let mut follower = hub.follow(&build, 0);
    let (mut seen, mut broken_off) = (Vec::new(), 0);
    let began = Instant::now();
    // Longer by and by, for a machine that is slow.
    for patience in (0..).map(|n| Duration::from_micros(n % 40 * 25 + n / 40 * 50)) {
        assert!(began.elapsed() < A_LONG_TIME, "it never ended, after {seen:?}");
        match tokio::time::timeout(patience, follower.next()).await {
            Ok(next) => match next.unwrap() {
                Next::Events(part) => {
                    seen.extend(seqs(part.events()));
                    follower.took(part.last());
                }
                Next::Waiting(_) => {}
                Next::End => break,
            },
            Err(_) => broken_off += 1,
        }
    }
    writing.await.unwrap();
    assert!(broken_off > 10, "{broken_off}");
    assert_eq!(seen, (1..=EVENTS + FRAME).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_end_there_is_nothing() {
    let scene = Scene::set().await;
    let (hub, running) = (hub(&scene), scene.build().await);
    // It runs: there may be an event 1001.
    let ahead = tokio::spawn(follow(hub.follow(&running, 1000)));
    // Whoever is behind one that is ahead gets what there is all the same.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let behind = tokio::spawn(follow(hub.follow(&running, 1)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!ahead.is_finished());
    scene.end().await;
    scene.queue.tell(News::Happened(scene.lease.build()));
    assert_eq!(soon(ahead).await.unwrap(), [0_i64; 0]);
    assert_eq!(soon(behind).await.unwrap(), [2, 3]);
    let over = scene.build().await;
    for from in [3, 4, i64::MAX] {
        let follow = || follow(hub.follow(&over, from));
        let nothing = async || assert_eq!(soon(follow()).await, [0_i64; 0], "from {from}");
        assert!(is_quick(nothing).await, "from {from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_far_as_it_goes_by_now() {
    let scene = Scene::set().await;
    let (hub, build) = (hub(&scene), scene.build().await);
    scene.say("after the question\n").await;
    assert_eq!(soon(follow(hub.read(&build, 0))).await, [1, 2]);
    assert_eq!(hub.readers(), 0, "nobody waits");
}
