//! Who and what the stories are about.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use slipway_domain::{
    BuildId, BuildSpec, BuildSpecDraft, Credentials, Event, EventBody, Failure, HostName,
    LogStream, Platform, Reason, RegistryHost, Secrets, Source, Stage, WorkerId,
};
use slipway_store::builds::{
    self, Build, Claimed, HandBack, Idempotency, Offer, Submission, Submitted,
};
use slipway_store::hosts::Probe;
use slipway_store::seal::KeyRing;
use slipway_store::{Lease, Store, StoreError, events};

pub(crate) const DIGEST: &str =
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) fn keys() -> KeyRing {
    KeyRing::from_key(&[7; 32])
}

/// The stories' clock, in seconds from their beginning.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
}

/// The time as rows of either database take it.
pub(crate) fn literal(time: DateTime<Utc>) -> String {
    format!("'{}'", time.to_rfc3339_opts(SecondsFormat::AutoSi, false))
}

pub(crate) fn spec(image: &str) -> BuildSpec {
    let source = Source::dockerfile("FROM scratch\n");
    BuildSpecDraft::new(image, source).parse().unwrap()
}

pub(crate) fn secrets(password: &str) -> Secrets {
    let login =
        Credentials { username: "robot-of-ours".into(), password: password.to_owned().into() };
    let registry_auth = [(RegistryHost::parse("r.example").unwrap(), login)].into();
    Secrets { registry_auth, ..Secrets::default() }
}

pub(crate) async fn submit(store: &Store, spec: &BuildSpec, now: DateTime<Utc>) -> Build {
    match submit_with(store, spec, &Secrets::default(), None, now).await.unwrap() {
        Submitted::New { build, .. } => *build,
        other => panic!("not new: {other:?}"),
    }
}

pub(crate) async fn submit_with(
    store: &Store,
    spec: &BuildSpec,
    secrets: &Secrets,
    idempotency: Option<Idempotency<'_>>,
    now: DateTime<Utc>,
) -> Result<Submitted, StoreError> {
    let id = BuildId::generate();
    let submission = Submission { idempotency, ..Submission::new(id, spec, secrets) };
    builds::submit(store, &submission, now).await
}

/// The worker that reports hosts.
pub(crate) fn worker() -> WorkerId {
    WorkerId::from_uuid(uuid::Uuid::from_u128(7))
}

pub(crate) fn host(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

pub(crate) fn probe(name: &str, slots: u32) -> Probe {
    Probe {
        name: host(name),
        slots,
        platform: None,
        platforms: Vec::new(),
        builder: None,
        engine: None,
        problem: None,
    }
}

pub(crate) async fn report(store: &Store, name: &str, slots: u32) {
    slipway_store::hosts::report(store, worker(), &probe(name, slots), at(0)).await.unwrap();
}

/// Hosts by name, each with its platforms, as a worker offers them.
pub(crate) type Offered = BTreeMap<HostName, Vec<Platform>>;

pub(crate) fn offered(hosts: &[(&str, &[&str])]) -> Offered {
    let parse = |platforms: &[&str]| platforms.iter().map(|p| p.parse().unwrap()).collect();
    hosts.iter().map(|(name, platforms)| (host(name), parse(platforms))).collect()
}

pub(crate) async fn try_claim(
    store: &Store,
    hosts: &Offered,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, StoreError> {
    let expires_at = now + TimeDelta::seconds(20);
    let offer = Offer {
        worker: WorkerId::generate(),
        hosts,
        expires_at,
        raise_after: TimeDelta::minutes(5),
    };
    builds::claim(store, &offer, |_, _, _| 0, now).await
}

/// Claims on one host for Linux on amd64, which [`report`] must have told of.
pub(crate) async fn claim(store: &Store, name: &str, now: DateTime<Utc>) -> Option<Claimed> {
    try_claim(store, &offered(&[(name, &["linux/amd64"])]), now).await.unwrap()
}

/// A build with secrets, submitted at 0 and claimed at 1 on host `h1`.
pub(crate) async fn held(store: &Store) -> Lease {
    report(store, "h1", 100).await;
    let spec = spec("r.example/team/app:1");
    submit_with(store, &spec, &secrets("hunter2-and-more"), None, at(0)).await.unwrap();
    claim(store, "h1", at(1)).await.unwrap().lease
}

/// The same, walked on to a stage; purging begins with the digest known.
pub(crate) async fn held_in(store: &Store, stage: Stage) -> Lease {
    let lease = held(store).await;
    for (next, second) in [(Stage::Building, 2), (Stage::Pushing, 3), (Stage::Purging, 4)] {
        if rank(next) <= rank(stage) {
            let digest = (next == Stage::Purging).then_some(DIGEST);
            builds::advance(store, &lease, next, digest, at(second)).await.unwrap();
        }
    }
    lease
}

fn rank(stage: Stage) -> u8 {
    match stage {
        Stage::Preparing => 0,
        Stage::Building => 1,
        Stage::Pushing => 2,
        Stage::Purging => 3,
    }
}

pub(crate) fn failure() -> Failure {
    Failure::new(Reason::StepFailed, "the step RUN make ended with code 2")
        .hint("read its output")
        .at(Stage::Building)
}

pub(crate) fn orderly(not_before: DateTime<Utc>) -> HandBack {
    let note = "the worker was stopped; the build is back in line".into();
    HandBack { note, loss: None, max_attempts: 3, not_before }
}

pub(crate) fn log(text: &str) -> EventBody {
    EventBody::Log { step: Some(1), stream: LogStream::Stdout, text: text.into() }
}

pub(crate) async fn find(store: &Store, id: BuildId) -> Build {
    builds::find(store, id).await.unwrap().unwrap()
}

pub(crate) async fn all_events(store: &Store, build: BuildId) -> Vec<Event> {
    events::after(store, build, 0, u16::MAX).await.unwrap()
}

/// What followers of a build are told, an event a line.
pub(crate) async fn told(store: &Store, build: BuildId) -> Vec<String> {
    all_events(store, build)
        .await
        .iter()
        .map(|event| format!("{} {}", event.seq, line(event)))
        .collect()
}

/// What happened, in words.
pub(crate) fn line(event: &Event) -> String {
    match &event.body {
        EventBody::State { status, host, note, digest, failure } => {
            let mut line = status.to_string();
            for (word, value) in [
                (" on ", host.as_ref().map(ToString::to_string)),
                (": ", note.clone()),
                (" as ", digest.clone()),
                (": ", failure.as_ref().map(ToString::to_string)),
            ] {
                line.extend(value.map(|value| format!("{word}{value}")));
            }
            line
        }
        EventBody::Step { step, name, .. } => format!("step {step} {name}"),
        EventBody::Log { text, .. } => format!("log {text:?}"),
    }
}

pub(crate) fn is_lost<T>(result: Result<T, StoreError>, build: BuildId) -> bool {
    matches!(result, Err(StoreError::LeaseLost(lost)) if lost == build)
}
