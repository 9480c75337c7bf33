//! Bells still to be rung.

use slipway_domain::BuildId;
use slipway_store::outbox::{DueBell, due, rung};

use crate::cast::{at, spec, submit};
use crate::ground::Ground;

stories!(due_until_they_are_rung, a_bell_that_is_rung_twice);

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

fn builds(bells: &[DueBell]) -> Vec<BuildId> {
    bells.iter().map(|bell| bell.build).collect()
}
