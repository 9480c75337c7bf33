//! The bells and the news of one process.
#![expect(clippy::unwrap_used, reason = "a story that cannot go on says so by a panic")]

use std::time::Duration;

use futures::FutureExt as _;
use slipway_domain::BuildId;
use slipway_queue::{Bells, News, Queue, QueueError};

/// Long enough for whatever is going to happen to happen.
const A_WHILE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_bell_that_is_rung_before_anybody_waits_is_kept() {
    let queue = local();
    let mut bells = queue.bells();
    queue.ring(&[BuildId::generate()]).await.unwrap();
    assert!(hears(&mut bells), "it was rung before");
    assert!(!hears(&mut bells), "it was rung once");
}

#[tokio::test]
async fn whoever_comes_later_hears_the_bell_that_was_kept() {
    let queue = local();
    queue.ring(&[BuildId::generate()]).await.unwrap();
    assert!(hears(&mut queue.bells()));
}

#[tokio::test]
async fn a_bell_wakes_one() {
    let queue = local();
    let (woken, mut waking) = waiters(&queue, 3).await;
    queue.ring(&[BuildId::generate()]).await.unwrap();
    assert!(tokio::time::timeout(A_WHILE, waking.recv()).await.is_ok());
    tokio::time::sleep(A_WHILE).await;
    assert!(waking.try_recv().is_err(), "the others sleep on");
    drop(woken);
}

#[tokio::test]
async fn bells_for_several_builds_wake_several() {
    let queue = local();
    let (woken, mut waking) = waiters(&queue, 4).await;
    queue.ring(&[BuildId::generate(), BuildId::generate(), BuildId::generate()]).await.unwrap();
    for _ in 0..3 {
        assert!(tokio::time::timeout(A_WHILE, waking.recv()).await.is_ok());
    }
    tokio::time::sleep(A_WHILE).await;
    assert!(waking.try_recv().is_err(), "the fourth sleeps on");
    drop(woken);
}

#[tokio::test]
async fn a_bell_is_not_lost_with_the_one_it_woke() {
    let queue = local();
    let (mut first, mut second) = (queue.bells(), queue.bells());
    let mut woken = Box::pin(first.next());
    assert!(woken.as_mut().now_or_never().is_none(), "it waits");
    queue.ring(&[BuildId::generate()]).await.unwrap();
    // Woken, but broken off before it could look: the bell passes on.
    drop(woken);
    assert!(hears(&mut second));
}

#[tokio::test]
async fn nothing_to_ring_rings_nothing() {
    let queue = local();
    queue.ring(&[]).await.unwrap();
    assert!(!hears(&mut queue.bells()));
}

#[tokio::test]
async fn news_reaches_all_who_listen_in_order() {
    let queue = local();
    let build = BuildId::generate();
    queue.tell(News::CancelAsked(build));
    let mut ears = [queue.listen(), queue.listen()];
    queue.tell(News::Happened(build));
    queue.tell(News::CancelAsked(build));
    for ear in &mut ears {
        assert_eq!(ear.next().await, News::Happened(build), "what was told before is not heard");
        assert_eq!(ear.next().await, News::CancelAsked(build));
        assert!(ear.next().now_or_never().is_none());
    }
}

#[tokio::test]
async fn whoever_falls_behind_is_told_so_and_goes_on() {
    let queue = local();
    let mut ear = queue.listen();
    for _ in 0..5000 {
        queue.tell(News::Happened(BuildId::generate()));
    }
    let last = BuildId::generate();
    queue.tell(News::Happened(last));
    let mut next = async || tokio::time::timeout(A_WHILE, ear.next()).await.ok();
    assert_eq!(next().await, Some(News::Missed));
    let mut heard = 0;
    while next().await.unwrap() != News::Happened(last) {
        heard += 1;
    }
    assert!(heard < 5000, "what was missed is not told again");
    assert!(ear.next().now_or_never().is_none());
}

#[tokio::test]
async fn an_ear_outlives_the_queue_and_hears_no_more() {
    let queue = local();
    let mut ear = queue.listen();
    drop(queue);
    assert!(tokio::time::timeout(A_WHILE, ear.next()).await.is_err());
}

#[test]
fn other_queues_are_refused() {
    for url in ["amqp://localhost", "", "local", "local:x"] {
        assert!(matches!(Queue::open(url), Err(QueueError::Settings(_))), "{url}");
    }
}

fn local() -> Queue {
    Queue::open("local:").unwrap()
}

fn hears(bells: &mut Bells) -> bool {
    bells.next().now_or_never().is_some()
}

/// Workers that wait at the door, and a channel on which each says that it was woken.
async fn waiters(
    queue: &Queue,
    count: usize,
) -> (tokio::sync::mpsc::Sender<()>, tokio::sync::mpsc::Receiver<()>) {
    let (woken, waking) = tokio::sync::mpsc::channel(count);
    for _ in 0..count {
        let (mut bells, woken) = (queue.bells(), woken.clone());
        tokio::spawn(async move {
            bells.next().await;
            woken.send(()).await.unwrap();
        });
    }
    // Let each of them reach the door.
    tokio::time::sleep(A_WHILE).await;
    (woken, waking)
}
