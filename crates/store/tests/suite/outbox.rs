//! Bells still to be rung.

use std::time::{Duration, Instant};

use slipway_domain::BuildId;
use slipway_store::outbox::{DueBell, due, rung, take};

use crate::cast::{at, spec, submit};
use crate::ground::Ground;

stories!(
    due_until_they_are_rung,
    a_bell_that_is_rung_twice,
    taken_until_they_are_rung,
    several_who_take_at_once,
);

async fn due_until_they_are_rung(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!(due(&store, 10).await.unwrap(), []);
    let mut line = Vec::new();
    for second in 0..5 {
        line.push(submit(&store, &spec("r.example/app:1"), at(second)).await.id);
    }
    let first = due(&store, 2).await.unwrap();
    assert_eq!(builds(&first), line[..2], "oldest first, no more than asked for");
    rung(&store, &first).await.unwrap();
    assert_eq!(builds(&due(&store, 10).await.unwrap()), line[2..]);
    rung(&store, &[]).await.unwrap();
    assert_eq!(due(&store, 10).await.unwrap().len(), 3);
}

async fn a_bell_that_is_rung_twice(ground: &Ground) {
    let store = ground.store().await;
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    let bells = due(&store, 10).await.unwrap();
    rung(&store, &bells).await.unwrap();
    let later = submit(&store, &spec("r.example/app:2"), at(1)).await;
    rung(&store, &bells).await.unwrap();
    assert_eq!(builds(&due(&store, 10).await.unwrap()), [later.id]);
}

async fn taken_until_they_are_rung(ground: &Ground) {
    let store = ground.store().await;
    assert_eq!(take(&store, 10).await.unwrap().builds(), []);
    let first = submit(&store, &spec("r.example/app:1"), at(0)).await;
    let second = submit(&store, &spec("r.example/app:2"), at(1)).await;
    // Not rung after all: the broker was away, or the process died.
    drop(take(&store, 10).await.unwrap());
    let mut taken = take(&store, 1).await.unwrap();
    // The database hears of it a moment later.
    while taken.builds() != [first.id] {
        taken = take(&store, 1).await.unwrap();
    }
    // A build that is accepted meanwhile does not wait for it.
    let third = submit(&store, &spec("r.example/app:3"), at(2)).await;
    taken.rung().await.unwrap();
    // What was taken and dropped on the way is free a moment later, too.
    let began = Instant::now();
    while take(&store, 10).await.unwrap().builds() != [second.id, third.id] {
        assert!(began.elapsed() < Duration::from_secs(60), "they are not due");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn several_who_take_at_once(ground: &Ground) {
    let store = ground.store().await;
    for second in 0..40 {
        submit(&store, &spec("r.example/app:1"), at(second)).await;
    }
    let (one, other) = (take(&store, 30).await.unwrap(), take(&store, 30).await.unwrap());
    let (mine, theirs) = (one.builds(), other.builds());
    assert_eq!(mine.len(), 30);
    // SQLite has one writer and no rows to lock: there, they ring twice.
    let passes_by = ground.url.starts_with("postgres");
    if passes_by {
        assert_eq!(theirs.len(), 10, "what is left");
        assert!(theirs.iter().all(|build| !mine.contains(build)));
    }
    one.rung().await.unwrap();
    other.rung().await.unwrap();
    let left = due(&store, 99).await.unwrap().len();
    assert_eq!(left, if passes_by { 0 } else { 10 });
}

fn builds(bells: &[DueBell]) -> Vec<BuildId> {
    bells.iter().map(|bell| bell.build).collect()
}
