//! Bells: each wakes one who waits, and none is lost with whom it woke.

use slipway_domain::BuildId;
use slipway_queue::Queue;
use tokio::sync::mpsc;

use crate::ground::{A_WHILE, Ground, PATIENCE, hears, stories};

stories!(
    a_bell_that_is_rung_before_anybody_waits_is_kept,
    a_bell_wakes_one,
    bells_for_several_builds_wake_several,
    a_bell_for_several_builds_says_that_it_may_be,
    a_bell_is_not_lost_with_the_one_who_waited,
    a_bell_that_is_not_answered_rings_for_somebody_else,
    who_has_a_bell_keeps_no_other,
    nothing_to_ring_rings_nothing,
);

async fn a_bell_that_is_rung_before_anybody_waits_is_kept(ground: &Ground) {
    let mut bells = ground.there.bells();
    ring(&ground.here, 1).await;
    assert!(hears(&mut bells, PATIENCE).await, "it was rung before");
    assert!(!hears(&mut bells, A_WHILE).await, "it was rung once");
    ring(&ground.here, 1).await;
    assert!(hears(&mut ground.there.bells(), PATIENCE).await, "whoever comes later");
}

async fn a_bell_wakes_one(ground: &Ground) {
    let mut waking = waiters(&ground.there, 3).await;
    ring(&ground.here, 1).await;
    assert!(tokio::time::timeout(PATIENCE, waking.recv()).await.is_ok());
    tokio::time::sleep(A_WHILE).await;
    assert!(waking.try_recv().is_err(), "the others sleep on");
}

async fn bells_for_several_builds_wake_several(ground: &Ground) {
    let mut waking = waiters(&ground.there, 4).await;
    ring(&ground.here, 3).await;
    for _ in 0..3 {
        assert!(tokio::time::timeout(PATIENCE, waking.recv()).await.is_ok());
    }
    tokio::time::sleep(A_WHILE).await;
    assert!(waking.try_recv().is_err(), "the fourth sleeps on");
}

async fn a_bell_for_several_builds_says_that_it_may_be(ground: &Ground) {
    ring(&ground.here, 3).await;
    let mut bells = ground.there.bells();
    // Each has its own, or the first is for all of them.
    for left in (0..3).rev() {
        let bell = tokio::time::timeout(PATIENCE, bells.next()).await.unwrap();
        let is_last = left == 0 || !bell.is_of_one();
        bell.answered();
        if is_last {
            break;
        }
    }
    assert!(!hears(&mut bells, A_WHILE).await, "and none is left");
}

async fn a_bell_is_not_lost_with_the_one_who_waited(ground: &Ground) {
    let (mut first, mut second) = (ground.here.bells(), ground.there.bells());
    // As a worker does whose poll finds work: it waits, and goes before a bell comes, or just
    // when it comes.
    for milliseconds in [0, 1, 2, 3, 5, 8, 300] {
        let waiting = std::time::Duration::from_millis(milliseconds);
        let both =
            tokio::join!(tokio::time::timeout(waiting, first.next()), ring(&ground.here, 1),);
        // Woken, but broken off before it could look: the bell passes on.
        drop(both);
        assert!(hears(&mut second, PATIENCE).await, "after {milliseconds} ms");
    }
    assert!(!hears(&mut second, A_WHILE).await, "none was doubled");
}

async fn a_bell_that_is_not_answered_rings_for_somebody_else(ground: &Ground) {
    let (mut first, mut second) = (ground.here.bells(), ground.there.bells());
    ring(&ground.here, 1).await;
    let bell = tokio::time::timeout(PATIENCE, first.next()).await.unwrap();
    assert!(!hears(&mut second, A_WHILE).await, "somebody looks already");
    drop(bell);
    assert!(hears(&mut second, PATIENCE).await);
    assert!(!hears(&mut first, A_WHILE).await, "it was answered");
}

async fn who_has_a_bell_keeps_no_other(ground: &Ground) {
    let (mut full, mut free) = (ground.here.bells(), ground.there.bells());
    ring(&ground.here, 1).await;
    let bell = tokio::time::timeout(PATIENCE, full.next()).await.unwrap();
    ring(&ground.here, 1).await;
    bell.answered();
    // Its last slot went to the first; it does not wait for another.
    assert!(hears(&mut free, PATIENCE).await, "the second waits for whoever has a slot");
}

async fn nothing_to_ring_rings_nothing(ground: &Ground) {
    ring(&ground.here, 0).await;
    assert!(!hears(&mut ground.there.bells(), A_WHILE).await);
}

async fn ring(queue: &Queue, times: usize) {
    let builds: Vec<BuildId> = std::iter::repeat_with(BuildId::generate).take(times).collect();
    queue.ring(&builds).await.unwrap();
}

/// Workers that wait at the door, and a channel on which each says that it was woken.
async fn waiters(queue: &Queue, count: usize) -> mpsc::Receiver<()> {
    let (woken, waking) = mpsc::channel(count + 1);
    for _ in 0..count {
        let (mut bells, woken) = (queue.bells(), woken.clone());
        tokio::spawn(async move {
            bells.next().await.answered();
            woken.send(()).await.unwrap();
        });
    }
    // Let each of them reach the door. The last sender keeps the channel open.
    tokio::time::sleep(A_WHILE).await;
    std::mem::forget(woken);
    waking
}
