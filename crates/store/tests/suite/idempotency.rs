//! The same request, twice: one build.

use std::collections::BTreeSet;

use futures::future::join_all;
use slipway_domain::{BuildId, Project, Source, UploadId};
use slipway_store::Store;
use slipway_store::builds::{Build, Ending, Idempotency, Submitted, finish};
use slipway_store::uploads::{self, Upload};

use crate::cast::{at, claim, report, secrets, spec, submit_with};
use crate::ground::Ground;

stories!(
    the_same_request_gets_the_same_build,
    another_request_is_told_that_the_key_is_taken,
    another_project_has_keys_of_its_own,
    twenty_at_once_get_one_build,
    an_answer_outlives_the_upload,
    an_answer_outlives_the_key_of_its_digest,
);

async fn the_same_request_gets_the_same_build(ground: &Ground) {
    let store = ground.store().await;
    let first = taken(&store, "key", "request", "default").await;
    let before = ground.everything().await;
    assert_eq!(before_of(&store, "key", "request", "default").await, first.id);
    assert_eq!(ground.everything().await, before, "the second time writes nothing");

    report(&store, "h1", 1).await;
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    finish(&store, &lease, Ending::Cancelled, true, at(2)).await.unwrap();
    assert_eq!(before_of(&store, "key", "request", "default").await, first.id);
}

async fn another_request_is_told_that_the_key_is_taken(ground: &Ground) {
    let store = ground.store().await;
    taken(&store, "key", "request", "default").await;
    let before = ground.everything().await;
    let answer = ask(&store, "key", "another", "default").await;
    assert!(matches!(answer, Submitted::KeyTaken), "{answer:?}");
    assert_eq!(ground.everything().await, before);
}

async fn another_project_has_keys_of_its_own(ground: &Ground) {
    let store = ground.store().await;
    let mine = taken(&store, "key", "request", "mine").await;
    let yours = taken(&store, "key", "request", "yours").await;
    assert_ne!(mine.id, yours.id);
    let other = taken(&store, "another key", "request", "mine").await;
    assert_ne!(mine.id, other.id);
}

async fn twenty_at_once_get_one_build(ground: &Ground) {
    let processes = [ground.store().await, ground.store().await];
    let one = async |number: usize| match ask(&processes[number % 2], "key", "request", "default")
        .await
    {
        Submitted::New { build, .. } => (true, build.id),
        Submitted::Before(build) => (false, build.id),
        refused => panic!("{refused:?}"),
    };
    let answers = join_all((0..20).map(one)).await;
    assert_eq!(answers.iter().filter(|(new, _)| *new).count(), 1);
    assert_eq!(answers.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(), 1);
    for table in ["builds", "events", "outbox", "sealed_secrets", "idempotency_keys"] {
        assert_eq!(ground.count(table).await, 1, "{table}");
    }
}

async fn an_answer_outlives_the_upload(ground: &Ground) {
    let store = ground.store().await;
    let id = UploadId::generate();
    let upload = Upload {
        id,
        project: slipway_domain::Project::default(),
        size_bytes: 3,
        sha256: "a".repeat(64),
        created_at: at(0),
    };
    uploads::insert(&store, &upload).await.unwrap();
    let mut spec = spec("r.example/app:1");
    spec.source = Source::Upload { id };
    let digests = ["request".to_owned()];
    let key = Some(Idempotency { key: "key", request_digests: &digests });
    let first = submit_with(&store, &spec, &secrets("hunter2"), key, at(0)).await.unwrap();
    let Submitted::New { build: first, .. } = first else { panic!("{first:?}") };
    report(&store, "h1", 1).await;
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    finish(&store, &lease, Ending::Cancelled, true, at(2)).await.unwrap();
    assert_eq!(uploads::forget_unused(&store, at(100)).await.unwrap().len(), 1);

    let again = submit_with(&store, &spec, &secrets("hunter2"), key, at(101)).await.unwrap();
    let Submitted::Before(again) = again else { panic!("{again:?}") };
    assert_eq!(again.id, first.id);
    let new_key = Some(Idempotency { key: "new", request_digests: &digests });
    let refused = submit_with(&store, &spec, &secrets("hunter2"), new_key, at(102)).await.unwrap();
    assert!(matches!(refused, Submitted::NoSuchUpload), "{refused:?}");
}

/// `ask` takes several digests, with blanks between: the current key's first.
async fn an_answer_outlives_the_key_of_its_digest(ground: &Ground) {
    let store = ground.store().await;
    let first = taken(&store, "key", "by-old", "default").await;
    assert_eq!(before_of(&store, "key", "by-new by-old", "default").await, first.id);
    let other = ask(&store, "key", "other-by-new other-by-old", "default").await;
    assert!(matches!(other, Submitted::KeyTaken), "{other:?}");
}

async fn ask(store: &Store, key: &str, request: &str, project: &str) -> Submitted {
    let mut spec = spec("r.example/app:1");
    spec.project = Project::parse(project).unwrap();
    let digests: Vec<String> = request.split(' ').map(str::to_owned).collect();
    let idempotency = Some(Idempotency { key, request_digests: &digests });
    submit_with(store, &spec, &secrets("hunter2"), idempotency, at(0)).await.unwrap()
}

async fn taken(store: &Store, key: &str, request: &str, project: &str) -> Box<Build> {
    match ask(store, key, request, project).await {
        Submitted::New { build, .. } => build,
        other => panic!("not new: {other:?}"),
    }
}

async fn before_of(store: &Store, key: &str, request: &str, project: &str) -> BuildId {
    match ask(store, key, request, project).await {
        Submitted::Before(build) => build.id,
        other => panic!("not before: {other:?}"),
    }
}
