//! `slipwayd migrate`, by one and by many, of this release and of an older one.

use futures::future::join_all;
use slipway_test_support::daemon::Role;

use crate::cluster::{Cluster, build, submitted};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_a_later_release_is_worked_on() {
    let cluster = Cluster::new().await;
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
         execution_time) SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations LIMIT 1; \
         ALTER TABLE builds ADD COLUMN of_a_later_release text";
    cluster.database.run(later).await.unwrap();
    let done = cluster.migrate().await;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{done:?}");
    assert!(said.starts_with("nothing to do: the schema is of a later release"), "{said}");

    let api = cluster.started(Role::Api, "api").await;
    let worker = cluster.started(Role::Worker, "worker").await;
    let id = submitted(&api, &build("true")).await;
    assert_eq!(api.end(&id).await.unwrap()["status"], "succeeded", "{}", worker.log());
    drop((api, worker));
    cluster.remove().await;
}
