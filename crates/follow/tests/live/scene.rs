//! A build that is written to while others follow it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use slipway_domain::{
    BuildId, BuildSpecDraft, Event, EventBody, HostName, LogStream, Secrets, Source, WorkerId, now,
};
use slipway_follow::Tail;
use slipway_queue::{News, POLL, Queue};
use slipway_store::builds::{self, Build, Ending, Offer, Submission, claim, finish, submit};
use slipway_store::hosts::{Probe, report};
use slipway_store::seal::KeyRing;
use slipway_store::{Lease, Store, events};
use tempfile::TempDir;

/// The events of a build that is over: queued, preparing, what it wrote, cancelled.
pub(crate) const FRAME: i64 = 3;
/// Nothing that is going to happen takes as long as this, on a machine that has much else to do.
pub(crate) const A_LONG_TIME: Duration = Duration::from_secs(180);

/// A build that runs, and what is needed to write to it and to follow it.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) lease: Lease,
    _folder: std::sync::Arc<TempDir>,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        store.migrate().await.unwrap();
        let queue = Queue::open("local:").unwrap();
        let lease = held(&store).await;
        Self { store, queue, lease, _folder: folder.into() }
    }

    pub(crate) fn tail(&self, after: i64) -> Tail {
        Tail::new(&self.store, &self.queue, self.lease.build(), after)
    }

    pub(crate) async fn say(&self, text: &str) {
        events::append(&self.store, &self.lease, now(), &[line(text)]).await.unwrap();
    }

    /// The build as it stands.
    pub(crate) async fn build(&self) -> Build {
        builds::find(&self.store, self.lease.build()).await.unwrap().unwrap()
    }

    pub(crate) async fn end(&self) {
        finish(&self.store, &self.lease, Ending::Cancelled, true, now()).await.unwrap();
    }
}

pub(crate) async fn open(folder: &TempDir) -> Store {
    let url = format!("sqlite://{}/slipway.sqlite", folder.path().display());
    Store::open(&url, KeyRing::from_key(&[7; 32])).await.unwrap()
}

async fn held(store: &Store) -> Lease {
    let source = Source::dockerfile("FROM scratch\n");
    let spec = BuildSpecDraft::new("r.example/app:1", source).parse().unwrap();
    let secrets = Secrets::default();
    let submission = Submission::new(BuildId::generate(), &spec, &secrets);
    submit(store, &submission, now()).await.unwrap();
    let name = HostName::parse("h1").unwrap();
    let hosts = BTreeMap::from([(name.clone(), Vec::new())]);
    let probe = Probe {
        name,
        slots: 1,
        platform: None,
        platforms: Vec::new(),
        builder: None,
        engine: None,
        problem: None,
    };
    report(store, WorkerId::generate(), &probe, now()).await.unwrap();
    let expires_at = now() + TimeDelta::seconds(60);
    let offer = Offer {
        worker: WorkerId::generate(),
        hosts: &hosts,
        expires_at,
        raise_after: TimeDelta::minutes(5),
    };
    claim(store, &offer, |_, _, _| 0, now()).await.unwrap().unwrap().lease
}

/// Writes `count` log events in batches of 1 to 9, tells of most, and ends the build.
pub(crate) async fn write(scene: Scene, count: i64) {
    let mut left = count;
    for batch in (1..=9).cycle() {
        let lines = vec![line("a line\n"); batch.min(usize::try_from(left).unwrap())];
        events::append(&scene.store, &scene.lease, now(), &lines).await.unwrap();
        left -= i64::try_from(lines.len()).unwrap();
        if batch != 5 {
            scene.queue.tell(News::Happened(scene.lease.build()));
        }
        if left == 0 {
            break;
        }
    }
    scene.end().await;
    scene.queue.tell(News::Happened(scene.lease.build()));
}

pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(A_LONG_TIME, work).await.unwrap()
}

/// Whether something takes less time than the poll leaves. Once of a few times is enough: a machine
/// may be busy with something else for as long as that.
pub(crate) async fn is_quick(mut once: impl AsyncFnMut()) -> bool {
    for _ in 0..5 {
        let began = Instant::now();
        once().await;
        if began.elapsed() < POLL / 2 {
            return true;
        }
    }
    false
}

pub(crate) fn line(text: &str) -> EventBody {
    EventBody::Log { step: None, stream: LogStream::Stdout, text: text.into() }
}

pub(crate) fn seqs(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.seq).collect()
}
