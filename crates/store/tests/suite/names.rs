//! Builds by the names that their senders gave them.

use futures::future::join_all;
use slipway_domain::{BuildId, Secrets};
use slipway_store::builds::{self, Ending, Submission, Submitted, cancel, finish};
use slipway_store::names::{Name, newest, under_way};
use slipway_store::{Store, uploads};

use crate::cast::{at, claim, report, spec, submit};
use crate::ground::Ground;
use crate::uploads::upload;

stories!(
    the_newest_of_a_name_is_meant,
    all_that_runs_under_a_name_is_found,
    alone_is_alone_until_it_is_over,
    of_two_at_once_one_gets_the_name,
    several_names_in_any_order_do_not_wait_for_each_other,
    what_a_refused_submit_wrote_is_gone,
    names_go_with_their_builds,
    what_an_upload_was_called,
);

fn named(scope: &str, name: &str) -> Name {
    Name { scope: scope.into(), name: name.into(), alone: false }
}

fn alone(scope: &str, name: &str) -> Name {
    Name { alone: true, ..named(scope, name) }
}

async fn ask(store: &Store, names: &[Name], second: i64) -> Submitted {
    let (spec, secrets) = (spec("r.example/app:1"), Secrets::default());
    let submission = Submission { names, ..Submission::new(BuildId::generate(), &spec, &secrets) };
    builds::submit(store, &submission, at(second)).await.unwrap()
}

async fn taken(store: &Store, names: &[Name], second: i64) -> BuildId {
    match ask(store, names, second).await {
        Submitted::New { build, .. } => build.id,
        other => panic!("not new: {other:?}"),
    }
}

async fn the_newest_of_a_name_is_meant(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!(newest(&store, "s", "n").await.unwrap(), None);
    let first = taken(&store, &[named("s", "n"), named("t", "n")], 1).await;
    let second = taken(&store, &[named("s", "n")], 2).await;
    // The clock went back; the older one is the older one all the same.
    taken(&store, &[named("s", "n")], 0).await;
    assert_eq!(newest(&store, "s", "n").await.unwrap(), Some(second));
    assert_eq!(newest(&store, "t", "n").await.unwrap(), Some(first));
    for (scope, name) in [("s", "N"), ("s", "n "), ("s", ""), ("", "n"), ("s", "%")] {
        assert_eq!(newest(&store, scope, name).await.unwrap(), None, "{scope:?} {name:?}");
    }
}

async fn all_that_runs_under_a_name_is_found(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let over = taken(&store, &[named("app", "1")], 0).await;
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    assert_eq!(lease.build(), over);
    assert_eq!(under_way(&store, "app", Some("1")).await.unwrap(), [over]);
    finish(&store, &lease, Ending::Cancelled, true, at(1)).await.unwrap();

    let first = taken(&store, &[named("app", "1")], 2).await;
    let second = taken(&store, &[named("app", "1"), named("app", "one")], 3).await;
    let third = taken(&store, &[named("app", "2")], 4).await;
    submit(&store, &spec("r.example/app:1"), at(5)).await;
    assert_eq!(under_way(&store, "app", Some("1")).await.unwrap(), [first, second]);
    assert_eq!(under_way(&store, "app", None).await.unwrap(), [first, second, third]);
    assert_eq!(under_way(&store, "other", None).await.unwrap(), []);
    cancel(&store, first, at(6)).await.unwrap();
    assert_eq!(under_way(&store, "app", Some("1")).await.unwrap(), [second]);
}

async fn alone_is_alone_until_it_is_over(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let first = taken(&store, &[alone("s", "n")], 0).await;
    assert!(matches!(ask(&store, &[alone("s", "n")], 1).await, Submitted::NameTaken));
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    assert!(matches!(ask(&store, &[alone("s", "n")], 2).await, Submitted::NameTaken));
    // Who does not ask for it alone gets it, and others of the scope are free.
    let beside = taken(&store, &[named("s", "n")], 3).await;
    taken(&store, &[alone("s", "m")], 3).await;
    finish(&store, &lease, Ending::Cancelled, true, at(4)).await.unwrap();
    assert!(matches!(ask(&store, &[alone("s", "n")], 5).await, Submitted::NameTaken));
    cancel(&store, beside, at(6)).await.unwrap();
    let next = taken(&store, &[alone("s", "n")], 7).await;
    assert_eq!(newest(&store, "s", "n").await.unwrap(), Some(next));
    assert_ne!(next, first);
}

async fn of_two_at_once_one_gets_the_name(ground: &Ground) {
    let processes = [ground.store().await, ground.open().await];
    for round in 0..5 {
        let names = [alone("s", &format!("{round}"))];
        let all = join_all((0..10).map(|n| ask(&processes[n % 2], &names, round))).await;
        let new = all.iter().filter(|one| matches!(one, Submitted::New { .. })).count();
        let refused = all.iter().filter(|one| matches!(one, Submitted::NameTaken)).count();
        assert_eq!((new, refused), (1, 9), "{all:?}");
    }
    assert_eq!(ground.count("builds").await, 5);
}

async fn several_names_in_any_order_do_not_wait_for_each_other(ground: &Ground) {
    let processes = [ground.store().await, ground.open().await];
    for round in 0..5 {
        let (a, b) = (alone("s", &format!("a{round}")), alone("s", &format!("b{round}")));
        let orders = [[a.clone(), b.clone()], [b, a]];
        let all = join_all((0..8).map(|n| ask(&processes[n % 2], &orders[n % 2], round))).await;
        assert_eq!(all.iter().filter(|one| matches!(one, Submitted::New { .. })).count(), 1);
    }
}

async fn what_a_refused_submit_wrote_is_gone(ground: &Ground) {
    let store = ground.store().await;
    taken(&store, &[alone("s", "n")], 0).await;
    let before = ground.everything().await;
    let names = [named("s", "other"), alone("s", "n")];
    assert!(matches!(ask(&store, &names, 1).await, Submitted::NameTaken));
    assert_eq!(ground.everything().await, before);
}

async fn names_go_with_their_builds(ground: &Ground) {
    let store = ground.store().await;
    taken(&store, &[named("s", "n")], 0).await;
    ground.sql("DELETE FROM builds").await.unwrap();
    assert_eq!(ground.count("build_names").await, 0);
}

async fn what_an_upload_was_called(ground: &Ground) {
    let store = ground.store().await;
    let upload = upload(0, "a");
    uploads::insert(&store, &upload).await.unwrap();
    let id = upload.id;
    assert_eq!(uploads::media_type(&store, id).await.unwrap(), None);
    uploads::describe(&store, id, "application/gzip").await.unwrap();
    assert_eq!(uploads::media_type(&store, id).await.unwrap().as_deref(), Some("application/gzip"));
}
