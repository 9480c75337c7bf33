//! What happens in all builds of a project, once and in order, however late it was committed.

use std::time::Duration;

use slipway_domain::{BuildId, BuildSpec, EventBody, Project, Secrets, Stage, StepStatus};
use slipway_store::builds::{
    Ending, HandBack, Idempotency, Submitted, advance_after, finish, forget, hand_back,
};
use slipway_store::events::append;
use slipway_store::stream::{self, Place, ProjectEvent};
use slipway_store::{Lease, Store};

use crate::cast::{
    at, claim, held, line, literal, log, offered, report, spec, submit, submit_with, try_claim,
};
use crate::ground::{self, Ground};

stories!(
    states_and_steps_of_one_project_in_order,
    from_any_place_comes_what_is_after_it,
    a_project_without_builds_has_a_place_too,
    what_is_forgotten_takes_no_place_with_it,
    what_an_older_release_writes_is_there_too,
    as_much_as_may_be_held_at_once,
    many_write_while_one_reads,
);

fn project(name: &str) -> Project {
    Project::parse(name).unwrap()
}

fn spec_of(name: &str) -> BuildSpec {
    BuildSpec { project: project(name), ..spec("r.example/app:1") }
}

fn began(step: u32, name: String) -> EventBody {
    EventBody::Step { step, name, status: StepStatus::Started, error: None, duration_ms: None }
}

fn step(number: u32) -> EventBody {
    began(number, format!("[{number}/9] RUN make"))
}

/// Other stories write in the same cluster, and hold back what is read here.
async fn settled(ground: &Ground) {
    const TO_COME: &str =
        "SELECT count(*) FROM events WHERE place >= (SELECT beyond FROM settled_places)";
    while ground.number(TO_COME).await > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What there is after a place, once all of it can be seen.
async fn read(
    ground: &Ground,
    store: &Store,
    name: &str,
    after: Place,
    limit: u16,
) -> Vec<ProjectEvent> {
    settled(ground).await;
    read_now(store, name, after, limit).await
}

async fn read_now(store: &Store, name: &str, after: Place, limit: u16) -> Vec<ProjectEvent> {
    stream::after(store, &project(name), after, limit, u32::MAX).await.unwrap()
}

/// An event a line: which build of those known, its number, and what happened.
fn table(events: &[ProjectEvent], builds: &[BuildId]) -> Vec<String> {
    let nth = |id: BuildId| builds.iter().position(|build| *build == id).unwrap();
    events
        .iter()
        .map(|event| format!("{} {} {}", nth(event.build), event.event.seq, line(&event.event)))
        .collect()
}

async fn run(store: &Store, lease: &Lease, second: i64) {
    append(store, lease, at(second), &[step(1), log("one\n"), step(2)]).await.unwrap();
    append(store, lease, at(second + 1), &[log("two\n")]).await.unwrap();
    advance_after(store, lease, &[log("three\n")], Stage::Building, None, at(second + 2))
        .await
        .unwrap();
    finish(store, lease, Ending::Cancelled, true, at(second + 3)).await.unwrap();
}

/// Two builds of the project `ours`, and one of another in between.
async fn three_builds(store: &Store) -> [BuildId; 2] {
    report(store, "h1", 8).await;
    let first = submit(store, &spec_of("ours"), at(0)).await.id;
    submit(store, &spec_of("theirs"), at(1)).await;
    let second = submit(store, &spec_of("ours"), at(2)).await.id;
    for begun in [10, 20, 30] {
        let lease = claim(store, "h1", at(begun)).await.unwrap().lease;
        run(store, &lease, begun + 1).await;
    }
    [first, second]
}

async fn states_and_steps_of_one_project_in_order(ground: &Ground) {
    let store = ground.store().await;
    let builds = three_builds(&store).await;
    let all = read(ground, &store, "ours", Place::START, 99).await;
    assert_eq!(
        table(&all, &builds),
        [
            "0 1 queued",
            "1 1 queued",
            "0 2 preparing on h1",
            "0 3 step 1 [1/9] RUN make",
            "0 5 step 2 [2/9] RUN make",
            "0 8 building on h1",
            "0 9 cancelled on h1",
            "1 2 preparing on h1",
            "1 3 step 1 [1/9] RUN make",
            "1 5 step 2 [2/9] RUN make",
            "1 8 building on h1",
            "1 9 cancelled on h1",
        ]
    );
    assert!(all.is_sorted_by(|one, next| one.place < next.place));
    assert_eq!(read(ground, &store, "theirs", Place::START, 99).await.len(), 6);
    // Output has no place: 3 lines of each of 3 builds.
    assert_eq!(ground.number("SELECT count(*) FROM events WHERE place IS NULL").await, 9);
}

async fn from_any_place_comes_what_is_after_it(ground: &Ground) {
    let store = ground.store().await;
    three_builds(&store).await;
    let all = read(ground, &store, "ours", Place::START, 99).await;
    for (index, event) in all.iter().enumerate() {
        assert_eq!(read(ground, &store, "ours", event.place, 99).await, all[index + 1..]);
        assert!(!stream::is_beyond(&store, event.place).await.unwrap());
        // As a client gives it back.
        assert_eq!(event.place.to_string().parse(), Ok(event.place));
    }
    let (mut seen, mut place) = (Vec::new(), Place::START);
    while let [next] = read(ground, &store, "ours", place, 1).await.as_slice() {
        place = next.place;
        seen.push(next.clone());
    }
    assert_eq!(seen, all);
    assert_eq!(stream::end(&store, &project("ours")).await.unwrap(), place);
}

async fn a_project_without_builds_has_a_place_too(ground: &Ground) {
    let store = ground.store().await;
    let place = stream::end(&store, &project("ours")).await.unwrap();
    assert_eq!(place, Place::START);
    assert!(!stream::is_beyond(&store, place).await.unwrap());
    assert_eq!(read(ground, &store, "ours", place, 9).await, []);
    submit(&store, &spec_of("ours"), at(0)).await;
    assert_eq!(read(ground, &store, "ours", place, 9).await.len(), 1);
    let of_another_life = "281474976710655.0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071.1";
    assert!(stream::is_beyond(&store, of_another_life.parse().unwrap()).await.unwrap());
}

async fn what_is_forgotten_takes_no_place_with_it(ground: &Ground) {
    let store = ground.store().await;
    three_builds(&store).await;
    let all = read(ground, &store, "ours", Place::START, 99).await;
    assert_eq!(forget(&store, at(99), 99).await.unwrap(), 3);
    assert_eq!(ground.count("events").await, 0);
    assert_eq!(stream::end(&store, &project("ours")).await.unwrap(), Place::START);
    let later = submit(&store, &spec_of("ours"), at(100)).await.id;
    for event in all {
        assert!(!stream::is_beyond(&store, event.place).await.unwrap());
        let rest = read(ground, &store, "ours", event.place, 99).await;
        assert_eq!(table(&rest, &[later]), ["0 1 queued"], "after {}", event.place);
    }
}

async fn what_an_older_release_writes_is_there_too(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let (id, now) = (ground.id(lease.build().as_uuid()), literal(at(2)));
    for (seq, body) in [(3, step(1)), (4, log("one\n")), (5, step(2))] {
        let body = serde_json::to_string(&body).unwrap();
        ground
            .sql(&format!(
                "INSERT INTO events (build, seq, at, attempt, body) \
                 VALUES ({id}, {seq}, {now}, 1, '{body}'); \
                 UPDATE builds SET last_seq = {seq} WHERE id = {id}"
            ))
            .await
            .unwrap();
    }
    finish(&store, &lease, Ending::Cancelled, true, at(3)).await.unwrap();
    let all = read(ground, &store, "default", Place::START, 99).await;
    assert_eq!(
        table(&all, &[lease.build()]),
        [
            "0 1 queued",
            "0 2 preparing on h1",
            "0 3 step 1 [1/9] RUN make",
            "0 5 step 2 [2/9] RUN make",
            "0 6 cancelled on h1"
        ]
    );
}

async fn as_much_as_may_be_held_at_once(ground: &Ground) {
    let store = ground.store().await;
    let lease = held(&store).await;
    let large = began(1, "x".repeat(1000));
    append(&store, &lease, at(2), &vec![large; 9]).await.unwrap();
    settled(ground).await;
    let read = async |bytes| {
        let events = stream::after(&store, &Project::default(), Place::START, 99, bytes).await;
        events.unwrap().len()
    };
    assert_eq!(read(1).await, 1, "one, however large it is");
    assert_eq!(read(2500).await, 5);
    assert_eq!(read(u32::MAX).await, 11);
}

/// Eight builds at once, and a reader that never looks back.
async fn many_write_while_one_reads(ground: &Ground) {
    const BUILDS: i64 = 8;
    let store = ground.store().await;
    report(&store, "h1", 100).await;
    let writing = (0..BUILDS).map(|nth| {
        let store = store.clone();
        tokio::spawn(async move {
            submit(&store, &spec_of("ours"), at(nth)).await;
            let lease = loop {
                if let Some(claimed) = claim(&store, "h1", at(99)).await {
                    break claimed.lease;
                }
            };
            for batch in 0..20 {
                append(&store, &lease, at(100 + batch), &[step(1), log("x\n"), step(2)])
                    .await
                    .unwrap();
            }
            finish(&store, &lease, Ending::Cancelled, true, at(200)).await.unwrap();
        })
    });
    let writing: Vec<_> = writing.collect();
    // Queued, preparing, cancelled, and two steps of each batch.
    let expected = usize::try_from(BUILDS).unwrap() * (3 + 2 * 20);
    let (mut seen, mut place) = (Vec::new(), Place::START);
    let reading = async {
        while seen.len() < expected {
            let next = read_now(&store, "ours", place, 7).await;
            place = next.last().map_or(place, |event| event.place);
            seen.extend(next);
        }
    };
    tokio::time::timeout(Duration::from_secs(180), reading).await.unwrap();
    for writer in writing {
        writer.await.unwrap();
    }
    assert_eq!(read(ground, &store, "ours", place, 7).await, []);
    assert_eq!(read(ground, &store, "ours", Place::START, 999).await, seen);
    for build in seen.iter().map(|event| event.build) {
        let of_build = seen.iter().filter(|event| event.build == build);
        let seqs: Vec<i64> = of_build.map(|event| event.event.seq).collect();
        assert!(seqs.is_sorted_by(|one, next| one < next), "{seqs:?}");
    }
}

/// Waits until a statement of somebody else waits for the transaction that the ground holds.
pub(crate) async fn until_somebody_waits(ground: &Ground) {
    const WAITS: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted \
         AND pg_backend_pid() = ANY (pg_blocking_pids(pid))";
    while ground.number(WAITS).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_comes_late_is_not_passed_over() {
    ground::on_postgres(async |ground| {
        let store = ground.store().await;
        let before = submit(&store, &spec_of("ours"), at(0)).await.id;
        let seen = read(ground, &store, "ours", Place::START, 9).await;
        assert_eq!(seen.len(), 1);

        // A submit has its number and has written its event when it comes upon a key that
        // somebody else is about to take.
        let id = ground.id(before.as_uuid());
        let columns = "project, key, request_digest, build, created_at";
        let values = format!("'ours', 'key', 'x', {id}, {}", literal(at(1)));
        let _held = ground
            .hold(&format!("INSERT INTO idempotency_keys ({columns}) VALUES ({values})"))
            .await;
        let late = tokio::spawn({
            let store = store.clone();
            async move {
                let digests = ["y".to_owned()];
                let key = Idempotency { key: "key", request_digests: &digests };
                let spec = spec_of("ours");
                match submit_with(&store, &spec, &Secrets::default(), Some(key), at(2)).await {
                    Ok(Submitted::New { build, .. }) => build.id,
                    other => panic!("not new: {other:?}"),
                }
            }
        });
        until_somebody_waits(ground).await;
        // One that comes later, and is committed at once.
        let quick = submit(&store, &spec_of("ours"), at(3)).await.id;
        assert_eq!(ground.count("events").await, 2, "it is there");
        let place = seen[0].place;
        assert_eq!(read_now(&store, "ours", place, 9).await, [], "and held back");
        assert_eq!(stream::end(&store, &project("ours")).await.unwrap(), place);

        ground.sql("ROLLBACK").await.unwrap();
        let late = late.await.unwrap();
        let rest = read(ground, &store, "ours", place, 9).await;
        assert_eq!(table(&rest, &[late, quick]), ["0 1 queued", "1 1 queued"]);
    })
    .await;
}

/// A transaction may take its number long before it gets to the build's row.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_told_of_in_the_order_of_its_numbers() {
    ground::on_postgres(async |ground| {
        let store = ground.store().await;
        let lease = held(&store).await;
        report(&store, "h2", 8).await;
        // A claim has locked the first host, and by that got its number, when it comes upon the
        // second one.
        let other_host = ground.hold("UPDATE hosts SET slots = slots WHERE name = 'h2'").await;
        let early = tokio::spawn({
            let store = store.clone();
            async move {
                let hosts = offered(&[("h1", &[]), ("h2", &[])]);
                try_claim(&store, &hosts, at(3)).await.unwrap().unwrap().lease
            }
        });
        until_somebody_waits(ground).await;
        let note = "the worker was stopped".into();
        let terms = HandBack { note, loss: None, max_attempts: 3, not_before: at(2) };
        hand_back(&store, &lease, terms, true, at(2)).await.unwrap();
        other_host.commit().await;
        assert_eq!(early.await.unwrap().build(), lease.build());
        let all = read(ground, &store, "default", Place::START, 9).await;
        let seqs: Vec<i64> = all.iter().map(|event| event.event.seq).collect();
        assert_eq!(seqs, [1, 2, 3, 4]);
    })
    .await;
}

/// A dump that was restored into another cluster finds its transactions counted anew.
#[tokio::test(flavor = "multi_thread")]
async fn places_go_on_growing_in_another_cluster() {
    ground::on_postgres(async |ground| {
        let store = ground.store().await;
        submit(&store, &spec_of("ours"), at(0)).await;
        let old = read(ground, &store, "ours", Place::START, 9).await;
        let [restored] = old.as_slice() else { panic!("{old:?}") };
        // What a follower had of the time after the dump.
        let lost = restored.place.to_string().split_once('.').unwrap().1.to_owned();
        let lost: Place = format!("200000000000000.{lost}").parse().unwrap();
        assert!(stream::is_beyond(&store, lost).await.unwrap());

        ground.sql("UPDATE places SET cluster = 'another one'").await.unwrap();
        store.migrate().await.unwrap();
        let base = ground.number("SELECT base FROM places").await;
        assert_eq!(base, 1 << 48);
        store.migrate().await.unwrap();
        store.settle_places().await.unwrap();
        assert_eq!(ground.number("SELECT base FROM places").await, base, "once");

        let new = submit(&store, &spec_of("ours"), at(1)).await.id;
        for place in [restored.place, lost] {
            assert!(!stream::is_beyond(&store, place).await.unwrap());
            let rest = read(ground, &store, "ours", place, 9).await;
            assert_eq!(table(&rest, &[new]), ["0 1 queued"], "after {place}");
        }
        assert_eq!(read(ground, &store, "ours", Place::START, 9).await.len(), 2);
    })
    .await;
}
