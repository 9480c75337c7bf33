//! `slipwayd migrate`, by one and by many, of this release and of an older one.

use futures::future::join_all;
use serde_json::json;
use slipway_test_support::daemon::Role;

use crate::cluster::{Cluster, build, submitted};
use crate::history::History;

#[tokio::test(flavor = "multi_thread")]
async fn of_several_at_once_one_does_it() {
    let cluster = Cluster::empty().await;
    let done = join_all((0..5).map(|_| cluster.migrate())).await;
    let said: Vec<String> = done
        .iter()
        .map(|done| {
            assert!(done.status.success(), "{done:?}");
            String::from_utf8_lossy(&done.stdout).trim().to_owned()
        })
        .collect();
    let applied = said.iter().filter(|said| said.ends_with("applied")).count();
    let nothing = said.iter().filter(|said| *said == "nothing to do: the schema is up to date");
    assert_eq!((applied, nothing.count()), (1, 4), "{said:?}");
    cluster.remove().await;
}

/// The schema of the first release, as that release noted it.
const FIRST: &str = concat!(
    include_str!("../../../../migrations/postgres/0001_first.sql"),
    "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, \
     installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, \
     checksum bytea NOT NULL, execution_time bigint NOT NULL); \
     INSERT INTO _sqlx_migrations SELECT 1, 'first', now(), true, sha384(convert_to($slipway$",
    include_str!("../../../../migrations/postgres/0001_first.sql"),
    "$slipway$, 'UTF8')), 0;",
);

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_an_older_release_is_refused_and_then_migrated_with_its_builds() {
    let cluster = Cluster::empty().await;
    cluster.database.run(FIRST).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");
    let later = std::fs::read_dir(folder).unwrap().count() - 1;
    let waits = uuid::Uuid::now_v7();
    cluster.database.run(&left_in_line(waits)).await.unwrap();
    for (role, name) in [(Role::Api, "early-api"), (Role::Worker, "early-worker")] {
        let mut daemon = cluster.daemon(role, name);
        daemon.spawn().unwrap();
        assert!(!daemon.ended().await.unwrap());
        let said = format!(
            "migrations are pending on database.url ({later}); apply them with `slipwayd migrate`"
        );
        assert!(daemon.log().contains(&said), "{}", daemon.log());
    }
    let done = cluster.migrate().await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(String::from_utf8_lossy(&done.stdout).trim(), format!("{later} migrations applied"));

    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started(Role::Worker, "worker").await;
    History::of_success(&api, &waits.to_string(), 1).await;
    let new = submitted(&api, &build("true")).await;
    History::of_success(&api, &new, 1).await;
    drop((api, worker));
    cluster.remove().await;
}

/// A build as the first release wrote it, still in line.
fn left_in_line(id: uuid::Uuid) -> String {
    let build = build("true");
    let image = build["image"].as_str().unwrap();
    let repository = image.rsplit_once(':').unwrap().0;
    let spec = json!({
        "image": image, "source": build["source"], "dockerfile": "Dockerfile", "args": {},
        "labels": {}, "target": null, "platform": null, "no_cache": false, "pull": false,
        "push": true, "project": "default", "metadata": null, "timeout_seconds": null,
    });
    let event = json!({
        "kind": "state", "status": "queued", "host": null, "note": null, "digest": null,
        "failure": null,
    });
    format!(
        "INSERT INTO builds (id, project, image, repository, spec, status, not_before, \
         created_at, had_secrets, last_seq) VALUES ('{id}', 'default', '{image}', '{repository}', \
         $spec${spec}$spec$, 'queued', now(), now(), false, 1); \
         INSERT INTO events (build, seq, at, attempt, body) VALUES ('{id}', 1, now(), 0, '{event}')"
    )
}

/// What the migration of a later release may do under us: it adds.
const LATER: &str = "BEGIN; \
     INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations LIMIT 1; \
     ALTER TABLE builds ADD COLUMN of_a_later_release text NOT NULL DEFAULT 'x'; \
     ALTER TABLE events ADD COLUMN of_a_later_release bigint; \
     ALTER TABLE leases ADD COLUMN of_a_later_release bigint; \
     ALTER TABLE outbox ADD COLUMN of_a_later_release bigint; \
     ALTER TABLE hosts ADD COLUMN of_a_later_release bigint; \
     CREATE TABLE of_a_later_release (build uuid PRIMARY KEY REFERENCES builds (id)); \
     DROP INDEX builds_in_line; \
     CREATE INDEX builds_in_line ON builds (priority, round, created_at, id, project) \
         WHERE status = 'queued'; \
     COMMIT";

/// PostgreSQL ends a deadlock by refusing one of those in it. Where that is the migration, it
/// is applied again; where it is a daemon, nobody should notice.
async fn apply(cluster: &Cluster, sql: &str) {
    for _ in 0..20 {
        match cluster.database.run(sql).await {
            Ok(()) => return,
            Err(error) => assert!(error.to_string().contains("deadlock"), "{error}"),
        }
    }
    panic!("always the victim");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_release_migrates_under_running_builds() {
    let cluster = Cluster::new().await;
    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started(Role::Worker, "worker").await;
    let mut builds = Vec::new();
    for number in 0..12 {
        builds.push(submitted(&api, &build("echo a; sleep 1; echo b")).await);
        if number == 4 {
            api.until(&builds[0], &["building"]).await.unwrap();
            apply(&cluster, LATER).await;
        }
    }
    let done = cluster.migrate().await;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{done:?}");
    assert!(said.starts_with("nothing to do: the schema is of a later release"), "{said}");
    // Those who start now, too.
    let next = cluster.started(Role::Api, "next-api").await;
    let other = cluster.started(Role::Worker, "next-worker").await;
    builds.push(submitted(&next, &build("true")).await);
    for id in &builds {
        History::of_success(&next, id, 1).await;
    }
    for daemon in [&api, &worker, &next, &other] {
        let log = daemon.log();
        assert!(!log.contains("cached plan"), "{log}");
    }
    drop((api, worker, next, other));
    cluster.remove().await;
}
