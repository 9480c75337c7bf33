//! A store, a build with followers, and somebody who tells them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use slipway_domain::{
    BuildId, BuildSpecDraft, EventBody, Follower, FollowerAddress, FollowerForm, FollowerKind,
    HostName, LogStream, Secret, Secrets, Source, Stage, WorkerId, now,
};
use slipway_follow::Hub;
use slipway_follow::push::{Push, PushSettings};
use slipway_outbound::{AddressPolicy, Fetcher, Guard};
use slipway_queue::{News, Queue};
use slipway_store::builds::{Ending, Offer, Submission, advance, claim, finish, submit};
use slipway_store::followers::{self, Delivery, Enrolled};
use slipway_store::hosts::{Probe, report};
use slipway_store::seal::KeyRing;
use slipway_store::{Lease, Store, events};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(crate) struct Scene {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) build: BuildId,
    telling: Vec<JoinHandle<()>>,
    _folder: TempDir,
}

impl Scene {
    pub(crate) async fn with(followers: &[Follower]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/slipway.sqlite", folder.path().display());
        let store = Store::open(&url, KeyRing::from_key(&[7; 32])).await.unwrap();
        store.migrate().await.unwrap();
        let queue = Queue::open("local:").unwrap();
        let build = BuildId::generate();
        let scene = Self { store, queue, build, telling: Vec::new(), _folder: folder };
        scene.submit(build, followers).await;
        scene
    }

    pub(crate) async fn submit(&self, build: BuildId, followers: &[Follower]) {
        let source = Source::dockerfile("FROM scratch\n");
        let spec = BuildSpecDraft::new("r.example/app:1", source).parse().unwrap();
        let secrets = Secrets::default();
        let submission = Submission { followers, ..Submission::new(build, &spec, &secrets) };
        submit(&self.store, &submission, now()).await.unwrap();
        self.tell();
    }

    /// One more server that tells followers, with short waits.
    pub(crate) fn push(&mut self) {
        self.push_with(quick(), AddressPolicy::public_only().allow_loopback(true));
    }

    pub(crate) fn push_with(&mut self, settings: PushSettings, policy: AddressPolicy) {
        let fetcher = Fetcher::new(Guard::new(policy), b"").unwrap();
        let show = Arc::new(|build: slipway_store::builds::Build| {
            serde_json::json!({"id": build.id, "status": build.state.to_string(),
                "last_seq": build.last_seq, "digest": build.digest,
                "host": build.host, "is_over": build.timings.finished_at.is_some()})
        });
        let (store, queue) = (self.store.clone(), self.queue.clone());
        let hub = Hub::new(&store, &queue, &Handle::current());
        let push = Push::new(store, queue, hub, fetcher, settings, show);
        self.telling.push(tokio::spawn(push.run(CancellationToken::new())));
    }

    pub(crate) fn tell(&self) {
        self.queue.tell(News::Happened(self.build));
    }

    pub(crate) async fn claim(&self) -> Lease {
        let lease = self.claim_unheard().await;
        self.tell();
        lease
    }

    /// A claim of which nobody is told at once.
    pub(crate) async fn claim_unheard(&self) -> Lease {
        let name = HostName::parse("h1").unwrap();
        let hosts = BTreeMap::from([(name.clone(), Vec::new())]);
        let probe = Probe {
            name,
            slots: 9,
            platform: None,
            platforms: Vec::new(),
            builder: None,
            engine: None,
            problem: None,
        };
        report(&self.store, WorkerId::generate(), &probe, now()).await.unwrap();
        let expires_at = now() + TimeDelta::seconds(60);
        let offer = Offer {
            worker: WorkerId::generate(),
            hosts: &hosts,
            expires_at,
            raise_after: TimeDelta::minutes(5),
        };
        claim(&self.store, &offer, |_, _, _| 0, now()).await.unwrap().unwrap().lease
    }

    pub(crate) async fn enter(&self, lease: &Lease, stage: Stage) {
        let digest = (stage == Stage::Purging).then_some("sha256:1");
        advance(&self.store, lease, stage, digest, now()).await.unwrap();
        self.tell();
    }

    pub(crate) async fn say(&self, lease: &Lease, text: &str) {
        self.say_all(lease, &[text]).await;
    }

    /// Several lines in one transaction, as a worker writes what comes at once.
    pub(crate) async fn say_all(&self, lease: &Lease, lines: &[&str]) {
        let line = |text: &&str| EventBody::Log {
            step: None,
            stream: LogStream::Stdout,
            text: (*text).into(),
        };
        let lines: Vec<EventBody> = lines.iter().map(line).collect();
        events::append(&self.store, lease, now(), &lines).await.unwrap();
        self.tell();
    }

    pub(crate) async fn end(&self, lease: &Lease) {
        self.end_as(lease, Ending::Succeeded).await;
    }

    pub(crate) async fn end_as(&self, lease: &Lease, ending: Ending) {
        finish(&self.store, lease, ending, true, now()).await.unwrap();
        self.tell();
    }

    /// All stages to a good end.
    pub(crate) async fn succeed(&self) {
        let lease = self.claim().await;
        self.succeed_from(&lease).await;
    }

    /// All stages of a claimed build to a good end.
    pub(crate) async fn succeed_from(&self, lease: &Lease) {
        for stage in [Stage::Building, Stage::Pushing, Stage::Purging] {
            self.enter(lease, stage).await;
        }
        self.end(lease).await;
    }

    pub(crate) async fn followers(&self) -> Vec<Enrolled> {
        followers::of_build(&self.store, self.build).await.unwrap()
    }

    pub(crate) async fn deliveries(&self) -> Vec<Delivery> {
        let mut all = followers::deliveries(&self.store, self.build, None, 200).await.unwrap();
        all.reverse();
        all
    }

    /// Waits for something to be so of the followers.
    pub(crate) async fn until(&self, good: impl Fn(&[Enrolled]) -> bool) -> Vec<Enrolled> {
        for _ in 0..3000 {
            let followers = self.followers().await;
            if good(&followers) {
                return followers;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:#?}\n{:#?}", self.followers().await, self.deliveries().await);
    }

    /// Waits for so many tries to be written down, which they are after they were answered.
    pub(crate) async fn until_tried(&self, times: usize) -> Vec<Delivery> {
        for _ in 0..3000 {
            let tries = self.deliveries().await;
            if tries.len() >= times {
                return tries;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:#?}", self.deliveries().await);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for telling in &self.telling {
            telling.abort();
        }
    }
}

/// Waits that a test can wait for. Receivers that answer may take their time: a machine that has
/// much else to do makes them.
pub(crate) fn quick() -> PushSettings {
    PushSettings {
        connect: Duration::from_secs(30),
        answer: Duration::from_secs(30),
        waits: [50, 100, 100, 100].map(Duration::from_millis).to_vec(),
        log_waits: vec![Duration::from_millis(50); 5],
        ..PushSettings::default()
    }
}

pub(crate) fn follower(kind: FollowerKind, url: &str) -> Follower {
    let (address, authorization) = FollowerAddress::parse("url", url).unwrap();
    Follower { kind, form: FollowerForm::Native, address, authorization, signing_key: None }
}

pub(crate) fn status_at(url: &str) -> Follower {
    let signing_key = Some(Secret::from(KEY.to_owned()));
    Follower { signing_key, ..follower(FollowerKind::Status, url) }
}
