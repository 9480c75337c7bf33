//! Followers of builds: written with them, taken by one, and told of nothing twice.

use std::time::Duration;

use chrono::TimeDelta;
use slipway_domain::{
    BuildId, Follower, FollowerAddress, FollowerForm, FollowerKind, Secret, Secrets, Stage,
};
use slipway_store::Store;
use slipway_store::builds::{self, Ending, Submission, advance, finish};
use slipway_store::followers::{
    self, Attempted, DeliveryOutcome, Ended, FollowerState, Next, Sent, Taken, Wanted,
};
use slipway_store::gauges::{Backlog, gauges};
use slipway_store::seal::{KeyRing, rotate};

use crate::cast::{at, claim, keys, report, spec, submit};
use crate::ground::Ground;

stories!(
    nothing_of_it_can_be_read_in_the_rows,
    a_follower_is_due_while_there_is_something_to_tell,
    one_takes_it_and_an_expired_lease_is_taken_over,
    who_lost_the_lease_changes_nothing,
    what_somebody_left_is_known_to_the_next,
    who_is_due_and_in_nobodys_hand_is_counted,
    what_is_old_goes_and_addresses_with_it,
    addresses_are_sealed_anew_when_the_key_is_changed,
);

const LEASE: Duration = Duration::from_secs(20);
const ALL: Wanted<'_> = Wanted { builds: None, full: &[] };

pub(crate) fn follower(kind: FollowerKind, url: &str) -> Follower {
    let (address, authorization) = FollowerAddress::parse("url", url).unwrap();
    let signing_key = Some(Secret::from("whsec_aHVudGVyMg==".to_owned()));
    Follower { kind, form: FollowerForm::Native, address, authorization, signing_key }
}

pub(crate) async fn followed(store: &Store, followers: &[Follower]) -> BuildId {
    let (id, spec, secrets) = (BuildId::generate(), spec("r.example/app:1"), Secrets::default());
    let submission = Submission { followers, ..Submission::new(id, &spec, &secrets) };
    builds::submit(store, &submission, at(0)).await.unwrap();
    id
}

pub(crate) async fn take(store: &Store, second: i64) -> Vec<Taken> {
    followers::take(store, ALL, |_, _| true, LEASE, at(second)).await.unwrap()
}

pub(crate) fn tried(seq: i64, second: i64) -> Attempted {
    Attempted {
        seq,
        webhook_id: format!("msg_{seq}"),
        attempt: 1,
        resend: false,
        at: at(second),
        took: Duration::from_millis(7),
        outcome: DeliveryOutcome::Delivered,
        error: None,
        sent: Sent { headers: vec![("a".into(), "b".into())], body: "x\0y".into() },
        answer: None,
    }
}

async fn nothing_of_it_can_be_read_in_the_rows(ground: &Ground) {
    let store = ground.store().await;
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    assert_eq!(ground.count("followers").await, 0);
    let url = "https://robot:hunter2@ci.example/hook?token=hunter2";
    let build = followed(&store, &[follower(FollowerKind::Status, url)]).await;
    let rows = ground.everything().await;
    assert!(rows.contains("https://ci.example/hook"), "{rows}");
    for hidden in ["hunter2", "aHVudGVyMg", "token="] {
        assert!(!rows.contains(hidden), "{rows}");
    }
    let (_, opened) = followers::opened(&store, build).await.unwrap().remove(0);
    let opened = opened.unwrap();
    assert_eq!(opened.authorization.unwrap().expose(), "Basic cm9ib3Q6aHVudGVyMg==");
    let FollowerAddress::Http { url, .. } = opened.address else { panic!("{:?}", opened.address) };
    assert_eq!(url.expose(), "https://ci.example/hook?token=hunter2");
}

async fn a_follower_is_due_while_there_is_something_to_tell(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 10).await;
    let status = follower(FollowerKind::Status, "https://ci.example/");
    let logs = follower(FollowerKind::Logs, "https://ci.example/");
    let build = followed(&store, &[status, logs]).await;
    // The log is nothing yet but that the build is in line.
    let taken = take(&store, 1).await;
    assert_eq!(taken.len(), 1);
    let rest = Next::Rest { seq: 1, at: at(1), why: None };
    assert!(followers::record(&store, &taken[0], &[tried(1, 1)], &rest, at(1)).await.unwrap());
    assert_eq!(take(&store, 2).await.len(), 0, "it knows all there is");

    let lease = claim(&store, "h1", at(3)).await.unwrap().lease;
    let states = followers::states_after(&store, build, 1).await.unwrap();
    assert_eq!(states.iter().map(|event| event.seq).collect::<Vec<_>>(), [2]);
    let taken = take(&store, 4).await;
    assert_eq!(taken.len(), 2);
    for taken in &taken {
        let rest = Next::Rest { seq: 2, at: at(100), why: None };
        followers::record(&store, taken, &[], &rest, at(4)).await.unwrap();
    }
    advance(&store, &lease, Stage::Building, None, at(5)).await.unwrap();
    assert_eq!(take(&store, 6).await.len(), 0, "not before their time");
    finish(&store, &lease, Ending::Cancelled, true, at(7)).await.unwrap();
    let taken = take(&store, 100).await;
    assert_eq!(taken.len(), 2);
    let end = Next::End { how: Ended::Done, seq: 4, why: None };
    followers::record(&store, &taken[0], &[], &end, at(101)).await.unwrap();
    followers::give_back(&store, &taken[1]).await.unwrap();
    assert_eq!(take(&store, 102).await.len(), 1, "the one that is not done");
}

async fn one_takes_it_and_an_expired_lease_is_taken_over(ground: &Ground) {
    let store = ground.store().await;
    for _ in 0..5 {
        followed(&store, &[follower(FollowerKind::Status, "https://ci.example/")]).await;
    }
    let (a, b) = futures::join!(take(&store, 1), take(&store, 1));
    assert_eq!(a.len() + b.len(), 5, "each by one");
    assert_eq!(take(&store, 20).await.len(), 0);
    assert_eq!(take(&store, 21).await.len(), 5);
    let none = followers::take(&store, ALL, |_, _| false, LEASE, at(60)).await.unwrap();
    assert_eq!(none.len(), 0, "there was no room");
    let full = [(slipway_store::followers::Lane::ALL[0], Some("ci.example:443".to_owned()))];
    let wanted = Wanted { builds: None, full: &full };
    let none = followers::take(&store, wanted, |_, _| true, LEASE, at(60)).await.unwrap();
    assert_eq!(none.len(), 0, "that host has as much as it may have");
}

async fn who_lost_the_lease_changes_nothing(ground: &Ground) {
    let store = ground.store().await;
    let build = followed(&store, &[follower(FollowerKind::Status, "https://ci.example/")]).await;
    let lost = take(&store, 1).await.remove(0);
    let held = take(&store, 30).await.remove(0);
    let end = Next::End { how: Ended::Done, seq: 1, why: None };
    assert!(!followers::record(&store, &lost, &[tried(1, 31)], &end, at(31)).await.unwrap());
    assert!(!followers::renew(&store, &lost, LEASE, at(31)).await.unwrap());
    followers::give_back(&store, &lost).await.unwrap();
    assert_eq!(take(&store, 32).await.len(), 0, "it is still held");
    assert!(followers::renew(&store, &held, LEASE, at(32)).await.unwrap());
    let why = "it answered 500".to_owned();
    let retry = Next::Retry { seq: 0, attempts: 1, at: at(40), why };
    assert!(followers::record(&store, &held, &[], &retry, at(33)).await.unwrap());
    let row = followers::of_build(&store, build).await.unwrap().remove(0);
    assert_eq!((row.state, row.attempts, row.due_at), (FollowerState::Waiting, 1, at(40)));
    // What was tried is there all the same, without what a database would not take.
    let tries = followers::deliveries(&store, build, None, 9).await.unwrap();
    assert_eq!(tries[0].attempted.sent.body, "x\u{fffd}y");
}

async fn what_somebody_left_is_known_to_the_next(ground: &Ground) {
    let store = ground.store().await;
    let build = followed(&store, &[follower(FollowerKind::Status, "https://ci.example/")]).await;
    let first = take(&store, 1).await.remove(0);
    assert!(!first.was_left);
    let second = take(&store, 30).await.remove(0);
    assert!(second.was_left);
    let left = Next::Left { attempts: 1, until: at(50) };
    assert!(followers::record(&store, &second, &[], &left, at(30)).await.unwrap());
    assert_eq!(take(&store, 49).await.len(), 0, "it is kept in hand");
    let third = take(&store, 50).await.remove(0);
    assert_eq!((third.was_left, third.attempts, third.told_seq), (true, 1, 0));
    followers::give_back(&store, &third).await.unwrap();
    let fourth = take(&store, 51).await.remove(0);
    assert!(!fourth.was_left, "who had it let go of it");
    // A process that is alone has no need to wait, and is told of it all the same.
    followers::end_leases(&store, at(52)).await.unwrap();
    assert!(take(&store, 52).await.remove(0).was_left);
    assert_eq!(followers::of_build(&store, build).await.unwrap()[0].attempts, 1);
}

async fn who_is_due_and_in_nobodys_hand_is_counted(ground: &Ground) {
    let store = ground.store().await;
    let waiting = async || gauges(&store).await.unwrap().followers;
    assert_eq!(waiting().await, Backlog::default());
    let followers = [FollowerKind::Status, FollowerKind::Logs]
        .map(|kind| follower(kind, "https://ci.example/"));
    followed(&store, &followers).await;
    // The log is nothing yet but that the build is in line.
    assert_eq!(waiting().await, Backlog { count: 1, oldest: Some(at(0)) });

    // This is asked for by the clock.
    let now = store.now();
    let taken = followers::take(&store, ALL, |_, _| true, LEASE, now).await.unwrap().remove(0);
    assert_eq!(waiting().await, Backlog::default(), "it is being told");
    let retry = |at| Next::Retry { seq: 0, attempts: 1, at, why: "it answered 500".into() };
    assert!(followers::record(&store, &taken, &[], &retry(at(30)), now).await.unwrap());
    assert_eq!(waiting().await, Backlog { count: 1, oldest: Some(at(30)) }, "since its wait ended");
    let taken = followers::take(&store, ALL, |_, _| true, LEASE, now).await.unwrap().remove(0);
    let later = now + TimeDelta::minutes(5);
    assert!(followers::record(&store, &taken, &[], &retry(later), now).await.unwrap());
    assert_eq!(waiting().await, Backlog::default(), "its receiver is waited for");
}

async fn what_is_old_goes_and_addresses_with_it(ground: &Ground) {
    let store = ground.store().await;
    let build = followed(&store, &[follower(FollowerKind::Status, "https://ci.example/")]).await;
    let taken = take(&store, 1).await.remove(0);
    let end = Next::End { how: Ended::Done, seq: 1, why: None };
    followers::record(&store, &taken, &[tried(1, 1), tried(1, 50)], &end, at(50)).await.unwrap();
    assert_eq!(followers::forget_deliveries(&store, at(10), 9).await.unwrap(), 1);
    assert_eq!(followers::erase_ended(&store, at(10), 9).await.unwrap(), 0);
    assert_eq!(followers::erase_ended(&store, at(51), 9).await.unwrap(), 1);
    let row = followers::opened(&store, build).await.unwrap().remove(0);
    assert!(!row.0.is_sealed && row.1.is_none());
    let tries = followers::deliveries(&store, build, None, 9).await.unwrap();
    let asked = followers::ask_again(&store, tries[0].id, at(52)).await.unwrap();
    assert_eq!(asked, followers::AskedAgain::Erased);
    let whose = followers::Whose::Build(build);
    let since = at(0) - TimeDelta::hours(1);
    let asked = followers::ask_again_since(&store, &whose, since, false, at(52)).await.unwrap();
    assert_eq!(asked, (0, 1));
}

async fn addresses_are_sealed_anew_when_the_key_is_changed(ground: &Ground) {
    let store = ground.store().await;
    let build = followed(&store, &[follower(FollowerKind::Status, "https://ci.example/")]).await;
    let new = KeyRing::from_key(&[9; 32]);
    let both = Store::open(&ground.url, new.clone().with_old(keys())).await.unwrap();
    let rotated = rotate(&both).await.unwrap();
    assert_eq!((rotated.resealed, rotated.left.len()), (1, 0));
    let with_new = Store::open(&ground.url, new).await.unwrap();
    assert!(followers::opened(&with_new, build).await.unwrap()[0].1.is_some());
    assert!(followers::opened(&store, build).await.unwrap()[0].1.is_none());
}
