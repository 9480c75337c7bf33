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
use slipway_store::builds::{Submission, submit};
use slipway_store::seal::KeyRing;
use slipway_store::{Store, outbox};
use slipway_test_support::broker::Vhost;
use slipway_test_support::wire::{End, Wire};
use tempfile::TempDir;

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
    let (queue, relay) = relaying(&store);
    let mut bells = queue.bells();
    // Its first look is behind it, and it waits.
    tokio::time::sleep(Duration::from_millis(300)).await;
    accept(&store).await;
    let committed = Instant::now();
    queue.outbox_filled();
    tokio::time::timeout(Duration::from_secs(2), bells.next()).await.unwrap().answered();
    assert!(committed.elapsed() < Duration::from_secs(1), "{:?}", committed.elapsed());
    until_empty(&store).await;
    relay.abort();
}

#[tokio::test]
async fn what_a_dead_process_left_is_rung_at_the_start() {
    let (store, _folder) = store().await;
    accept(&store).await;
    let (queue, relay) = relaying(&store);
    tokio::time::timeout(Duration::from_secs(2), queue.bells().next()).await.unwrap().answered();
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
    tokio::time::timeout(Duration::from_secs(7), queue.bells().next()).await.unwrap().answered();
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
    tokio::time::timeout(Duration::from_secs(2), queue.bells().next()).await.unwrap().answered();
    relay.abort();
}

#[tokio::test]
async fn keeps_what_an_absent_broker_does_not_take() {
    let (store, _folder) = store().await;
    let vhost = Vhost::new().await.unwrap();
    let wire = Wire::to(End::Tcp(vhost.address())).await.unwrap();
    wire.cut();
    let queue = Queue::open(&vhost.url_at(&wire.address())).unwrap();
    let relay = Relay { store: store.clone(), queue: queue.clone() };
    let relay = tokio::spawn(relay.run());
    for _ in 0..50 {
        accept(&store).await;
        queue.outbox_filled();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!relay.is_finished());
    assert_eq!(outbox::due(&store, 99).await.unwrap().len(), 50, "none is forgotten");

    wire.mend();
    let mended = Instant::now();
    until_empty(&store).await;
    assert!(mended.elapsed() < Duration::from_secs(4), "at its return: {:?}", mended.elapsed());
    assert_eq!(vhost.waiting().await.unwrap().len(), 50, "each once");
    relay.abort();
}

fn relaying(store: &Store) -> (Queue, tokio::task::JoinHandle<()>) {
    let queue = Queue::open("local:").unwrap();
    let relay = Relay { store: store.clone(), queue: queue.clone() };
    (queue, tokio::spawn(relay.run()))
}

/// A bell is rung before it is forgotten.
async fn until_empty(store: &Store) {
    for _ in 0..500 {
        if outbox::due(store, 1).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the bells are still due");
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

async fn accept(store: &Store) {
    let source = Source::dockerfile("FROM scratch\n");
    let spec = BuildSpecDraft::new("r.example/app:1", source).parse().unwrap();
    let secrets = Secrets::default();
    let submission = Submission::new(BuildId::generate(), &spec, &secrets);
    submit(store, &submission, now()).await.unwrap();
}
