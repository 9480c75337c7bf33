//! The database goes away, and comes back.

use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::poll;
use slipway_domain::{BuildId, BuildState, Stage};
use slipway_store::builds::{Filter, Submitted, advance, find, list, renew};
use slipway_store::events::append;
use slipway_store::{Store, StoreError, outbox};
use tokio::sync::mpsc;
use url::Url;

use crate::cast::{
    at, claim, held, keys, log, offered, spec, submit, submit_with, told, try_claim,
};
use crate::ground::{Ground, on_postgres, on_sqlite};
use crate::stream::until_somebody_waits;
use crate::wire::Wire;

/// No answer may be longer in coming than this.
const SECONDS: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_cut_off_and_comes_back() {
    on_postgres(async |ground: &Ground| {
        let url: Url = ground.url.parse().unwrap();
        let mut wire = Wire::to(&url).await;
        let store = Store::open(&wire.url(&url), keys()).await.unwrap();
        store.migrate().await.unwrap();
        let lease = held(&store).await;
        for _ in 0..2 {
            wire.cut().await;
            let before = ground.everything().await;
            everything_is_unavailable(&store, &lease).await;
            assert_eq!(ground.everything().await, before);
            wire.mend().await;
            renew(&store, &lease, at(30)).await.unwrap();
            append(&store, &lease, at(3), &[log("on again\n")]).await.unwrap();
        }
        advance(&store, &lease, Stage::Building, None, at(4)).await.unwrap();
    })
    .await;
}

/// The server ends a claim that waits, as its time limits do: what is left of it must not be in the
/// way of whoever gets its connection next.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_lock_is_refused_leaves_nothing_open() {
    const ENDED: &str = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    const OPEN: &str = "SELECT state FROM pg_stat_activity \
         WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    on_postgres(async |ground: &Ground| {
        let store = ground.store().await;
        let lease = held(&store).await;
        let hosts = ground.hold("SELECT 1 FROM hosts FOR UPDATE").await;
        let claiming = tokio::spawn({
            let store = store.clone();
            async move { try_claim(&store, &offered(&[("h1", &["linux/amd64"])]), at(2)).await }
        });
        until_somebody_waits(ground).await;
        ground.sql(ENDED).await.unwrap();
        claiming.await.unwrap().map(drop).unwrap_err();
        hosts.commit().await;
        // More than there are connections, one after the other: each gets the last one.
        for second in 10..40 {
            append(&store, &lease, at(second), &[log("on\n")]).await.unwrap();
            store.ping().await.unwrap();
        }
        assert_eq!(ground.texts(OPEN).await, Vec::<String>::new());
    })
    .await;
}

/// Somebody holds what all claims need, and does not let go: claims end, and do not pile up.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_gets_no_lock_waits_for_none_any_more() {
    const WAITING: &str = "SELECT query FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    on_postgres(async |ground: &Ground| {
        let store = ground.store().await;
        let lease = held(&store).await;
        let hosts = ground.hold("SELECT 1 FROM hosts FOR UPDATE").await;
        let offer = offered(&[("h1", &["linux/amd64"])]);
        let error = try_claim(&store, &offer, at(2)).await.map(drop).unwrap_err();
        assert!(error.is_passing(), "{error:?}");
        assert_eq!(ground.texts(WAITING).await, Vec::<String>::new());
        renew(&store, &lease, at(30)).await.unwrap();
        hosts.commit().await;
    })
    .await;
}

/// A worker stops dead while it has what all claims need: the server takes it back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_claim_has_locked_is_free_again() {
    on_postgres(async |ground: &Ground| {
        let store = ground.store().await;
        held(&store).await;
        submit(&store, &spec("r.example/app:2"), at(1)).await;
        let url: Url = ground.url.parse().unwrap();
        let wire = Wire::to(&url).await;
        let dead = Store::open(&wire.url(&url), keys()).await.unwrap();
        let hosts = ground.hold("SELECT 1 FROM hosts FOR UPDATE").await;
        let claiming = tokio::spawn(async move { claim(&dead, "h1", at(2)).await.map(drop) });
        until_somebody_waits(ground).await;
        wire.clog();
        hosts.commit().await;
        let began = Instant::now();
        let claimed = loop {
            match try_claim(&store, &offered(&[("h1", &["linux/amd64"])]), at(2)).await {
                Ok(claimed) => break claimed.unwrap(),
                Err(error) => assert!(error.is_passing(), "{error:?}"),
            }
            assert!(began.elapsed() < Duration::from_secs(300), "its lock is held for ever");
        };
        assert_eq!(claimed.spec.image.to_string(), "r.example/app:2");
        claiming.abort();
    })
    .await;
}

async fn everything_is_unavailable(store: &Store, lease: &slipway_store::Lease) {
    let none = slipway_domain::Secrets::default();
    let spec = spec("r.example/app:1");
    let began = Instant::now();
    let errors = tokio::join!(
        async { store.ping().await.unwrap_err() },
        async { find(store, lease.build()).await.unwrap_err() },
        async { list(store, &Filter::default(), 9).await.unwrap_err() },
        async { submit_with(store, &spec, &none, None, at(2)).await.unwrap_err() },
        async { append(store, lease, at(2), &[log("lost\n")]).await.unwrap_err() },
        async { renew(store, lease, at(20)).await.unwrap_err() },
        async { outbox::due(store, 9).await.unwrap_err() },
    );
    assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
    let (a, b, c, d, e, f, g) = errors;
    for error in [a, b, c, d, e, f, g] {
        assert!(matches!(error, StoreError::Unavailable(_)) && error.is_passing(), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_says_nothing_any_more() {
    on_postgres(async |ground: &Ground| {
        let url: Url = ground.url.parse().unwrap();
        let mut wire = Wire::to(&url).await;
        let store = Store::open(&wire.url(&url), keys()).await.unwrap();
        store.migrate().await.unwrap();
        let lease = held(&store).await;
        // One statement is under way, because it waits for a row, when the answers stop.
        let row = ground.hold("UPDATE builds SET losses = losses").await;
        let said = [log("said once\n")];
        let under_way = tokio::spawn({
            let (store, lease, said) = (store.clone(), lease.clone(), said.clone());
            async move { append(&store, &lease, at(7), &said).await.unwrap_err() }
        });
        until_somebody_waits(ground).await;
        wire.clog();
        let began = Instant::now();
        everything_is_unavailable(&store, &lease).await;
        let error = under_way.await.unwrap();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(began.elapsed() < SECONDS * 2, "{:?}", began.elapsed());
        row.commit().await;
        wire.mend().await;
        renew(&store, &lease, at(30)).await.unwrap();
        // It may have been done meanwhile, or not: the second try finds out which.
        append(&store, &lease, at(7), &said).await.unwrap();
        let told = told(&store, lease.build()).await;
        assert_eq!(told.iter().filter(|line| line.contains("said once")).count(), 1, "{told:?}");
    })
    .await;
}

/// A connection with a transaction that nobody waited for must not serve others: what they write
/// there would be theirs to see, and nobody's to keep.
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_nobody_waits_for_is_over() {
    on_postgres(async |ground: &Ground| {
        const OPEN: &str = "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        let store = ground.store().await;
        // Left at every point that there is, the answer to `BEGIN` among them.
        for patience in (0..2000).step_by(10) {
            let mut claiming = Box::pin(claim(&store, "a", at(2)));
            for _ in 0..patience {
                if poll!(&mut claiming).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(claiming);
            let began = Instant::now();
            while ground.number(OPEN).await > 0 {
                assert!(began.elapsed() < SECONDS, "left after {patience} looks");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_cut_off_in_the_middle_of_submits() {
    on_postgres(async |ground: &Ground| {
        let url: Url = ground.url.parse().unwrap();
        let mut wire = Wire::to(&url).await;
        let store = Store::open(&wire.url(&url), keys()).await.unwrap();
        store.migrate().await.unwrap();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut accepted = Vec::new();
        for round in 0..3 {
            let senders =
                (0..8).map(|_| tokio::spawn(submit_until_cut(store.clone(), sender.clone())));
            let senders: Vec<_> = senders.collect();
            for _ in 0..5 + round {
                accepted.push(receiver.recv().await.unwrap());
            }
            wire.cut().await;
            join_all(senders).await.into_iter().for_each(Result::unwrap);
            wire.mend().await;
        }
        while let Ok(build) = receiver.try_recv() {
            accepted.push(build);
        }
        for build in &accepted {
            assert_eq!(told(&store, *build).await, ["1 queued"], "what was accepted is there");
        }
        let rows = ground.count("builds").await;
        assert_eq!((ground.count("events").await, ground.count("outbox").await), (rows, rows));
    })
    .await;
}

async fn submit_until_cut(store: Store, accepted: mpsc::UnboundedSender<BuildId>) {
    let none = slipway_domain::Secrets::default();
    let spec = spec("r.example/app:1");
    loop {
        match submit_with(&store, &spec, &none, None, at(2)).await {
            Ok(Submitted::New { build, .. }) => accepted.send(build.id).unwrap(),
            Ok(other) => panic!("{other:?}"),
            Err(StoreError::Unavailable(_)) => return,
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_not_there_at_the_start() {
    on_postgres(async |ground: &Ground| {
        let url: Url = ground.url.parse().unwrap();
        let mut wire = Wire::to(&url).await;
        wire.cut().await;
        let began = Instant::now();
        let error = Store::open(&wire.url(&url), keys()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
        wire.mend().await;
        Store::open(&wire.url(&url), keys()).await.unwrap().ping().await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_gives_up_on_a_transaction_for_the_sake_of_another() {
    const REFUSING: &str = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE 'by the test' USING ERRCODE = TG_ARGV[0]; END $$";
    on_postgres(async |ground: &Ground| {
        let store = ground.store().await;
        let lease = held(&store).await;
        ground.sql(REFUSING).await.unwrap();
        // A deadlock, two that cannot be put in an order, a lock that took too long, a statement
        // that somebody ended, a server that has become a replica.
        for code in ["40P01", "40001", "55P03", "57014", "25006"] {
            let refuse = format!(
                "CREATE TRIGGER refuse BEFORE INSERT ON events EXECUTE FUNCTION refuse('{code}')"
            );
            ground.sql(&refuse).await.unwrap();
            let before = ground.everything().await;
            let error = append(&store, &lease, at(2), &[log("lost\n")]).await.unwrap_err();
            assert!(error.is_passing(), "{code}: {error:?}");
            assert_eq!(ground.everything().await, before);
            ground.sql("DROP TRIGGER refuse ON events").await.unwrap();
        }
        append(&store, &lease, at(3), &[log("on again\n")]).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_held_by_another_process() {
    on_sqlite(async |ground: &Ground| {
        let store = ground.store().await;
        let build = submit(&store, &spec("r.example/app:1"), at(0)).await;
        crate::cast::report(&store, "h1", 1).await;
        let other = ground.hold("UPDATE hosts SET slots = 1").await;
        let began = Instant::now();
        let none = slipway_domain::Secrets::default();
        let refused = submit_with(&store, &build.spec, &none, None, at(1)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        assert!(began.elapsed() < SECONDS, "{:?}", began.elapsed());
        let found = find(&store, build.id).await.unwrap().unwrap();
        assert_eq!(found.state, BuildState::Queued, "reading goes on");
        other.commit().await;
        assert_eq!(claim(&store, "h1", at(2)).await.unwrap().lease.build(), build.id);
    })
    .await;
}
