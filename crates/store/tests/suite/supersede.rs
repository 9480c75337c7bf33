//! A newer build takes the place of older ones of its key.

use futures::future::join_all;
use slipway_domain::{BuildId, BuildSpec, BuildState, Outcome, Project, Secrets, Stage};
use slipway_store::Store;
use slipway_store::builds::{self, Ending, Idempotency, Submission, Submitted, finish};

use crate::cast::{at, claim, find, report, secrets, spec, submit, submit_with, told};
use crate::ground::Ground;

stories!(
    older_ones_of_the_key_make_room,
    of_several_at_once_one_is_left,
    a_repeated_request_supersedes_nothing,
    a_retry_supersedes_nothing_newer,
    the_secrets_of_a_superseded_build_are_erased,
);

fn keyed(project: &str, key: &str) -> BuildSpec {
    let project = Project::parse(project).unwrap();
    BuildSpec { project, supersede_key: Some(key.into()), ..spec("r.example/app:1") }
}

async fn superseding(store: &Store, spec: &BuildSpec, second: i64) -> (BuildId, Vec<BuildId>) {
    let secrets = Secrets::default();
    let submission = Submission::new(BuildId::generate(), spec, &secrets);
    match builds::submit(store, &submission, at(second)).await.unwrap() {
        Submitted::New { build, superseded, .. } => (build.id, superseded),
        other => panic!("not new: {other:?}"),
    }
}

async fn older_ones_of_the_key_make_room(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let running = submit(&store, &keyed("p", "main"), at(0)).await.id;
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    let (waits, first) = superseding(&store, &keyed("p", "main"), 2).await;
    assert_eq!(first, [running]);
    let others = [
        submit(&store, &keyed("p", "other"), at(3)).await.id,
        submit(&store, &keyed("q", "main"), at(3)).await.id,
        submit(&store, &spec("r.example/app:1"), at(3)).await.id,
    ];
    let (newest, second) = superseding(&store, &keyed("p", "main"), 4).await;
    // The one that runs was asked already.
    assert_eq!(second, [waits]);

    let over = find(&store, waits).await;
    assert_eq!(over.state, BuildState::Finished(Outcome::Cancelled));
    assert_eq!(over.superseded_by, Some(newest));
    let note = format!("2 cancelled: superseded by build {newest}");
    assert_eq!(told(&store, waits).await, ["1 queued".to_owned(), note]);
    let asked = find(&store, running).await;
    assert_eq!(asked.state, BuildState::Running(Stage::Preparing));
    assert_eq!((asked.cancel_requested_at, asked.superseded_by), (Some(at(2)), Some(waits)));
    finish(&store, &lease, Ending::Cancelled, true, at(5)).await.unwrap();
    let note = format!("3 cancelled on h1: superseded by build {waits}");
    assert_eq!(told(&store, running).await.last(), Some(&note));
    for other in others {
        assert_eq!(find(&store, other).await.state, BuildState::Queued);
    }
}

async fn the_secrets_of_a_superseded_build_are_erased(ground: &Ground) {
    let store = ground.store().await;
    let older = keyed("p", "main");
    submit_with(&store, &older, &secrets("hunter2"), None, at(0)).await.unwrap();
    assert_eq!(ground.count("sealed_secrets").await, 1);
    superseding(&store, &keyed("p", "main"), 1).await;
    assert_eq!(ground.count("sealed_secrets").await, 0);
}

async fn of_several_at_once_one_is_left(ground: &Ground) {
    let processes = [ground.store().await, ground.open().await];
    let spec = keyed("p", "main");
    let all = join_all((0..20).map(|n| superseding(&processes[n % 2], &spec, 0))).await;
    let mut left = 0;
    for (id, _) in &all {
        left += u32::from(find(&processes[0], *id).await.state == BuildState::Queued);
    }
    assert_eq!(left, 1);
    assert_eq!(all.iter().map(|(_, superseded)| superseded.len()).sum::<usize>(), 19);
}

async fn a_repeated_request_supersedes_nothing(ground: &Ground) {
    let store = ground.store().await;
    let spec = keyed("p", "main");
    let digests = ["d".to_owned()];
    let key = Some(Idempotency { key: "k", request_digests: &digests });
    let first = submit_with(&store, &spec, &Secrets::default(), key, at(0)).await.unwrap();
    let Submitted::New { build: first, .. } = first else { panic!("{first:?}") };
    let newer = submit(&store, &spec, at(1)).await;
    let again = submit_with(&store, &spec, &Secrets::default(), key, at(2)).await.unwrap();
    assert!(matches!(again, Submitted::Before(build) if build.id == first.id));
    assert_eq!(find(&store, newer.id).await.state, BuildState::Queued);
}

async fn a_retry_supersedes_nothing_newer(ground: &Ground) {
    let store = ground.store().await;
    let (old, _) = superseding(&store, &keyed("p", "main"), 0).await;
    let (newer, _) = superseding(&store, &keyed("p", "main"), 1).await;
    let (spec, secrets) = (keyed("p", "main"), Secrets::default());
    let retry =
        Submission { retry_of: Some(old), ..Submission::new(BuildId::generate(), &spec, &secrets) };
    let retried = match builds::submit(&store, &retry, at(2)).await.unwrap() {
        Submitted::New { build, superseded, .. } if superseded.is_empty() => build.id,
        other => panic!("not alone: {other:?}"),
    };
    assert_eq!(find(&store, newer).await.state, BuildState::Queued);
    // It has the key all the same: the next one takes its place, too.
    let (_, both) = superseding(&store, &keyed("p", "main"), 3).await;
    assert_eq!(both.len(), 2);
    assert!(both.contains(&newer) && both.contains(&retried));
}
