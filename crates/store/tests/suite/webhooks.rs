//! What forges tell: taken in once, worked off by one at a time, forgotten when it is old.

use std::time::Duration;

use slipway_domain::{BuildId, CommitId, Forge, Happening, RepositoryName, WebhookId, What};
use slipway_store::Store;
use slipway_store::gauges::{Backlog, gauges};
use slipway_store::webhooks::{
    Arrived, Delivery, Fired, Outcome, TakenIn, claim, finish, forget, list, take_in,
};

use crate::cast::at;
use crate::ground::Ground;

stories!(
    taken_in_once,
    many_at_once_are_taken_in_once,
    worked_off_by_one,
    in_the_order_of_their_branch,
    what_somebody_left_is_taken_up,
    passed_by_at_once,
    forgotten_when_old_and_done,
);

const HOLD: Duration = Duration::from_secs(30);

fn arrived(number: u32) -> Arrived {
    Arrived {
        id: WebhookId::generate(),
        forge: Forge::Github,
        delivery: format!("guid-{number}"),
        body_sha256: format!("{number:064x}"),
        event: "push".into(),
        repository: "octo/app".into(),
        reference: "refs/heads/main".into(),
        happening: Ok(Happening {
            forge: Forge::Github,
            repository: RepositoryName::parse("octo/app").unwrap(),
            what: What::pushed("refs/heads/main").unwrap(),
            commit: Some(CommitId::parse(&"ab".repeat(20)).unwrap()),
        }),
        signed_for: vec!["web".into()],
    }
}

/// Of another branch.
fn of(branch: &str, number: u32) -> Arrived {
    Arrived { reference: format!("refs/heads/{branch}"), ..arrived(number) }
}

async fn taken(store: &Store, arrived: &Arrived, second: i64) {
    let taken = take_in(store, arrived, at(second)).await.unwrap();
    assert!(matches!(taken, TakenIn::New), "{taken:?}");
}

async fn before(store: &Store, arrived: &Arrived) -> Delivery {
    match take_in(store, arrived, at(99)).await.unwrap() {
        TakenIn::Before(delivery) => *delivery,
        TakenIn::New => panic!("taken in twice"),
    }
}

fn worked(build: Option<BuildId>) -> Outcome {
    let reason = build.is_none().then(|| "no".to_owned());
    Outcome::Worked { triggers: vec![Fired { trigger: "web".into(), build, reason }] }
}

async fn taken_in_once(ground: &Ground) {
    let store = ground.store().await;
    let first = arrived(1);
    taken(&store, &first, 1).await;
    // The same name, or the same body under another name.
    let again = Arrived { body_sha256: format!("{:064x}", 7), ..arrived(1) };
    assert_eq!(before(&store, &again).await.id, first.id);
    let renamed = Arrived { delivery: "another".into(), ..arrived(1) };
    assert_eq!(before(&store, &renamed).await.id, first.id);
    // Another forge may call its own the same.
    taken(&store, &Arrived { forge: Forge::Gitea, ..arrived(1) }, 1).await;
    assert_eq!(ground.count("webhook_deliveries").await, 2);
}

async fn many_at_once_are_taken_in_once(ground: &Ground) {
    let store = ground.store().await;
    let same: Vec<Arrived> = (0..8).map(|_| arrived(1)).collect();
    let all = same.iter().map(|arrived| take_in(&store, arrived, at(1)));
    let taken = futures::future::join_all(all).await;
    let new = taken.into_iter().filter(|taken| matches!(taken, Ok(TakenIn::New)));
    assert_eq!(new.count(), 1);
    assert_eq!(ground.count("webhook_deliveries").await, 1);
}

async fn worked_off_by_one(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!(gauges(&store).await.unwrap().inbox, Backlog::default());
    assert!(claim(&store, HOLD, at(1)).await.unwrap().is_none());
    taken(&store, &arrived(1), 1).await;
    taken(&store, &of("dev", 2), 2).await;
    let (one, other) = tokio::join!(claim(&store, HOLD, at(3)), claim(&store, HOLD, at(3)));
    let mut claimed = [one.unwrap(), other.unwrap()].into_iter().flatten().collect::<Vec<_>>();
    // PostgreSQL passes by what is locked at the moment, and may find nothing else at once.
    if claimed.len() == 1 {
        claimed.extend(claim(&store, HOLD, at(3)).await.unwrap());
    }
    claimed.sort_by(|a, b| a.delivery.cmp(&b.delivery));
    let names: Vec<&str> = claimed.iter().map(|delivery| &*delivery.delivery).collect();
    assert_eq!(names, ["guid-1", "guid-2"]);
    assert_eq!(claimed[0].happening.as_ref(), arrived(1).happening.as_ref().ok());
    assert!(claim(&store, HOLD, at(3)).await.unwrap().is_none());
    for delivery in &claimed {
        assert!(finish(&store, delivery, &worked(None), at(4)).await.unwrap());
        assert!(!finish(&store, delivery, &worked(None), at(4)).await.unwrap());
    }
    assert!(claim(&store, HOLD, at(1000)).await.unwrap().is_none());
    let newest = list(&store, None, 1).await.unwrap().remove(0);
    assert_eq!((&*newest.delivery, newest.worked_at), ("guid-2", Some(at(4))));
    assert_eq!(newest.outcome, Some(worked(None)));
    let older = list(&store, Some(newest.id), 10).await.unwrap();
    assert_eq!(older.len(), 1);
    assert_eq!(older[0].delivery, "guid-1");
}

async fn in_the_order_of_their_branch(ground: &Ground) {
    let store = ground.store().await;
    taken(&store, &arrived(1), 1).await;
    taken(&store, &arrived(2), 2).await;
    taken(&store, &of("dev", 3), 3).await;
    let first = claim(&store, HOLD, at(4)).await.unwrap().unwrap();
    assert_eq!(first.delivery, "guid-1");
    // The newer push of main waits for the older one, also where that one's server died.
    let other = claim(&store, HOLD, at(5)).await.unwrap().unwrap();
    assert_eq!(other.delivery, "guid-3");
    assert!(claim(&store, HOLD, at(6)).await.unwrap().is_none());
    let again = claim(&store, HOLD, at(40)).await.unwrap().unwrap();
    assert_eq!((&*again.delivery, again.attempts), ("guid-1", 2));
    assert!(finish(&store, &again, &worked(None), at(41)).await.unwrap());
    assert_eq!(claim(&store, HOLD, at(42)).await.unwrap().unwrap().delivery, "guid-2");
}

async fn what_somebody_left_is_taken_up(ground: &Ground) {
    let store = ground.store().await;
    taken(&store, &arrived(1), 1).await;
    let dead = claim(&store, HOLD, at(2)).await.unwrap().unwrap();
    assert!(claim(&store, HOLD, at(31)).await.unwrap().is_none());
    let taken_up = claim(&store, HOLD, at(32)).await.unwrap().unwrap();
    assert_eq!((taken_up.id, taken_up.attempts), (dead.id, 2));
    // The one that was taken for dead has nothing more to say.
    let build = BuildId::generate();
    assert!(!finish(&store, &dead, &worked(None), at(33)).await.unwrap());
    assert!(finish(&store, &taken_up, &worked(Some(build)), at(34)).await.unwrap());
    let kept = before(&store, &arrived(1)).await;
    assert_eq!(kept.outcome, Some(worked(Some(build))));
}

async fn passed_by_at_once(ground: &Ground) {
    let store = ground.store().await;
    let deleted = Arrived { happening: Err("the branch was deleted".into()), ..arrived(1) };
    taken(&store, &deleted, 1).await;
    assert!(claim(&store, HOLD, at(2)).await.unwrap().is_none());
    let kept = before(&store, &arrived(1)).await;
    assert_eq!(kept.outcome, Some(Outcome::Ignored { reason: "the branch was deleted".into() }));
    assert!(kept.happening.is_none());
}

async fn forgotten_when_old_and_done(ground: &Ground) {
    let store = ground.store().await;
    taken(&store, &arrived(1), 1).await;
    let done = claim(&store, HOLD, at(2)).await.unwrap().unwrap();
    finish(&store, &done, &worked(None), at(3)).await.unwrap();
    taken(&store, &arrived(2), 4).await;
    assert_eq!(forget(&store, at(1)).await.unwrap(), 0);
    assert_eq!(forget(&store, at(100)).await.unwrap(), 1, "what waits stays");
    assert_eq!(ground.count("webhook_deliveries").await, 1);
}
