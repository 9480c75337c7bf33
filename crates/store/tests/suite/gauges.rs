//! How everything stands, in numbers.

use std::time::{Duration, Instant};

use slipway_domain::{BuildState, Stage};
use slipway_store::builds::{Ending, finish};
use slipway_store::gauges::{Backlog, gauges};
use slipway_store::hosts::report;

use crate::cast::{at, claim, probe, spec, submit, worker};
use crate::ground::Ground;

stories!(an_empty_house, what_waits_and_what_runs, a_long_line_is_counted_quickly);

async fn an_empty_house(ground: &Ground) {
    let now = gauges(&ground.store().await).await.unwrap();
    assert_eq!(now.states, [(BuildState::Queued, 0)]);
    assert_eq!((now.lines.len(), now.hosts.len(), now.outbox), (0, 0, Backlog::default()));
}

async fn what_waits_and_what_runs(ground: &Ground) {
    let store = ground.store().await;
    report(&store, worker(), &probe("h1", 2), at(0)).await.unwrap();
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    let lease = claim(&store, "h1", at(1)).await.unwrap().lease;
    let mut arm = spec("r.example/app:2");
    arm.platform = Some(slipway_domain::Platform::parse("linux/arm64").unwrap());
    for second in [5, 3, 4] {
        submit(&store, &arm, at(second)).await;
    }
    submit(&store, &spec("r.example/app:3"), at(6)).await;

    let now = gauges(&store).await.unwrap();
    let running = BuildState::Running(Stage::Preparing);
    assert_eq!(now.states, [(BuildState::Queued, 4), (running, 1)]);
    let mut lines: Vec<_> =
        now.lines.iter().map(|l| (l.platform.clone(), l.waiting.count, l.waiting.oldest)).collect();
    lines.sort_by_key(|line| line.1);
    assert_eq!(lines, [(None, 1, Some(at(6))), (arm.platform, 3, Some(at(3)))]);
    assert_eq!(now.outbox, Backlog { count: 5, oldest: Some(at(0)) });
    assert_eq!((now.hosts[0].slots, now.hosts[0].running), (2, 1));

    finish(&store, &lease, Ending::Succeeded, true, at(7)).await.unwrap_err();
    finish(&store, &lease, Ending::Cancelled, true, at(7)).await.unwrap();
    assert_eq!(gauges(&store).await.unwrap().states, [(BuildState::Queued, 4)]);
}

async fn a_long_line_is_counted_quickly(ground: &Ground) {
    let store = ground.store().await;
    submit(&store, &spec("r.example/app:1"), at(0)).await;
    let sqlite = ground.url.starts_with("sqlite:");
    let id = if sqlite { "randomblob(16)" } else { "gen_random_uuid()" };
    let copies = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999) \
         INSERT INTO builds (id, project, image, repository, spec, status, not_before, \
         created_at, had_secrets) SELECT {id}, project, image, repository, spec, status, \
         not_before, created_at, had_secrets FROM builds, n"
    );
    ground.sql(&copies).await.unwrap();
    // A look that reads the rows is slow each time. One that is held up by whatever else the
    // machine does, or has nothing in memory yet, is slow now and then.
    let mut took = Vec::new();
    while took.iter().all(|took| *took >= Duration::from_secs(1)) {
        assert!(took.len() < 10, "{took:?}");
        let began = Instant::now();
        let now = gauges(&store).await.unwrap();
        took.push(began.elapsed());
        assert_eq!(now.lines[0].waiting, Backlog { count: 100_000, oldest: Some(at(0)) });
    }
}
