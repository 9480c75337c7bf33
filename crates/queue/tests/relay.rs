//! The relay rings what the rows say is due: once, and whoever wrote them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a story that cannot go on says so by a panic"
)]

use std::time::{Duration, Instant};

use futures::FutureExt as _;
use slipway_domain::{BuildId, BuildSpecDraft, Secrets, Source, now};
use slipway_queue::{Queue, Relay, relay_one};
use slipway_store::builds::{Submission, Submitted, submit};
use slipway_store::outbox::DueBell;
use slipway_store::seal::KeyRing;
use slipway_store::{Store, outbox};
use slipway_test_support::broker::Vhost;
use slipway_test_support::wire::{End, Wire};
use tempfile::TempDir;

/// How long after a look at the outbox the relay looks at all of it again, whatever it is told.
const SWEEP: Duration = Duration::from_secs(5);

/// Longer than anything here takes, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_due_is_rung_once() {
    let (store, _folder) = store().await;
    let queue = Queue::open("local:").unwrap();
    let mut bells = queue.bells();
    assert_eq!(relay_one(&store, &queue).await.unwrap(), 0);
    assert!(bells.next().now_or_never().is_none(), "nothing was due");

    for _ in 0..3 {
        accept(&store).await;
    }
    assert_eq!(relay_one(&store, &queue).await.unwrap(), 3);
    assert!(bells.next().now_or_never().is_some());
    assert_eq!(outbox::due(&store, 9).await.unwrap(), []);
    assert_eq!(relay_one(&store, &queue).await.unwrap(), 0);
}

#[tokio::test]
async fn more_than_one_look_takes_are_all_rung() {
    let (store, _folder) = store().await;
    let queue = Queue::open("local:").unwrap();
    for _ in 0..300 {
        accept(&store).await;
    }
    assert_eq!(relay_one(&store, &queue).await.unwrap(), 256);
    assert_eq!(relay_one(&store, &queue).await.unwrap(), 44);
    assert_eq!(relay_one(&store, &queue).await.unwrap(), 0);
}

#[tokio::test]
async fn rings_right_after_the_commit() {
    let (store, _folder) = store().await;
    let mut looked = Instant::now();
    let (queue, relay) = relaying(&store);
    for is_known in [false, true] {
        // Its look is behind it, and it waits.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let bell = accept(&store).await;
        let told = Instant::now();
        if is_known {
            queue.outbox_has(bell);
        } else {
            queue.outbox_filled();
        }
        rung(&queue).await;
        assert!(looked.elapsed() < SWEEP, "it may have been the sweep: {:?}", told.elapsed());
        // Of a bell that is not known it looks at the outbox, and sweeps so long after that.
        looked = told;
        until_empty(&store).await;
    }
    relay.abort();
}

#[tokio::test]
async fn what_it_was_told_of_is_not_looked_up() {
    let (store, queue, relay, left, _folder) = loop {
        let (store, folder) = store().await;
        let looked = Instant::now();
        let (queue, relay) = relaying(&store);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let left = accept(&store).await;
        let told = accept(&store).await;
        queue.outbox_has(told);
        rung(&queue).await;
        let due = until(&store, |due| due.len() < 2).await;
        // Later than that, it was the sweep for all that is known.
        if looked.elapsed() < SWEEP {
            assert_eq!(due, [left], "it looked at all");
            break (store, queue, relay, left, folder);
        }
        relay.abort();
    };
    // However much it is told of, it looks by and by.
    let busy = async {
        loop {
            queue.outbox_has(accept(&store).await);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let swept = async {
        while outbox::due(&store, 99).await.unwrap().contains(&left) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = busy => {}
        done = tokio::time::timeout(PATIENCE, swept) => done.unwrap(),
    }
    relay.abort();
}

#[tokio::test]
async fn more_than_it_keeps_are_all_rung() {
    let (store, _folder) = store().await;
    let queue = Queue::open("local:").unwrap();
    for _ in 0..300 {
        queue.outbox_has(accept(&store).await);
    }
    let relay = Relay { store: store.clone(), queue: queue.clone() };
    let relay = tokio::spawn(relay.run());
    until_empty(&store).await;
    relay.abort();
}

#[tokio::test]
async fn what_a_dead_process_left_is_rung_at_the_start() {
    let (store, _folder) = store().await;
    accept(&store).await;
    let (queue, relay) = relaying(&store);
    rung(&queue).await;
    until_empty(&store).await;
    relay.abort();
}

#[tokio::test]
async fn what_another_process_leaves_is_swept() {
    let (store, _folder) = store().await;
    let (queue, relay) = relaying(&store);
    tokio::time::sleep(Duration::from_millis(300)).await;
    // It dies between its commit and its ring: nobody says that the outbox has bells.
    accept(&store).await;
    rung(&queue).await;
    until_empty(&store).await;
    relay.abort();
}

#[tokio::test]
async fn goes_on_after_an_error() {
    // Without its schema, the database refuses every look.
    let (store, _folder) = empty_store().await;
    let (queue, relay) = relaying(&store);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!relay.is_finished(), "an error is no reason to stop");
    store.migrate().await.unwrap();
    accept(&store).await;
    queue.outbox_filled();
    rung(&queue).await;
    relay.abort();
}

#[tokio::test]
async fn keeps_what_an_absent_broker_does_not_take() {
    // At its return, and not when the relay looks again by itself. One time of a few is enough: a
    // machine may be busy with something else for as long.
    for _ in 0..4 {
        if ringing_after_an_absence().await < Duration::from_secs(4) {
            return;
        }
    }
    panic!("its return is not heard of");
}

/// How long it takes from the broker's return until all that it was not there for is rung.
async fn ringing_after_an_absence() -> Duration {
    let (store, _folder) = store().await;
    let vhost = Vhost::new().await.unwrap();
    let wire = Wire::to(End::Tcp(vhost.address())).await.unwrap();
    wire.cut();
    let queue = Queue::open(&vhost.url_at(&wire.address())).unwrap();
    let relay = Relay { store: store.clone(), queue: queue.clone() };
    let relay = tokio::spawn(relay.run());
    for _ in 0..50 {
        queue.outbox_has(accept(&store).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!relay.is_finished());
    assert_eq!(outbox::due(&store, 99).await.unwrap().len(), 50, "none is forgotten");

    wire.mend();
    let mended = Instant::now();
    until_empty(&store).await;
    let took = mended.elapsed();
    assert_eq!(vhost.waiting().await.unwrap().len(), 50, "each once");
    relay.abort();
    took
}

fn relaying(store: &Store) -> (Queue, tokio::task::JoinHandle<()>) {
    let queue = Queue::open("local:").unwrap();
    let relay = Relay { store: store.clone(), queue: queue.clone() };
    (queue, tokio::spawn(relay.run()))
}

/// Waits for a bell, and answers it.
async fn rung(queue: &Queue) {
    tokio::time::timeout(PATIENCE, queue.bells().next()).await.unwrap().answered();
}

/// A bell is rung before it is forgotten.
async fn until_empty(store: &Store) {
    until(store, <[DueBell]>::is_empty).await;
}

/// Waits for something to be so of the bells that are due, and gives them.
async fn until(store: &Store, good: impl Fn(&[DueBell]) -> bool) -> Vec<DueBell> {
    let began = Instant::now();
    loop {
        let due = outbox::due(store, 99).await.unwrap();
        if good(&due) {
            return due;
        }
        assert!(began.elapsed() < PATIENCE, "{} bells are still due", due.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn store() -> (Store, TempDir) {
    let (store, folder) = empty_store().await;
    store.migrate().await.unwrap();
    (store, folder)
}

async fn empty_store() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/slipway.sqlite", folder.path().display());
    (Store::open(&url, KeyRing::from_key(&[7; 32])).await.unwrap(), folder)
}

async fn accept(store: &Store) -> DueBell {
    let source = Source::dockerfile("FROM scratch\n");
    let spec = BuildSpecDraft::new("r.example/app:1", source).parse().unwrap();
    let secrets = Secrets::default();
    let submission = Submission::new(BuildId::generate(), &spec, &secrets);
    let submitted = submit(store, &submission, now()).await.unwrap();
    let Submitted::New { bell, .. } = submitted else { panic!("{submitted:?}") };
    bell
}
