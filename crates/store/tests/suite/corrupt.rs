//! A row that cannot be read is named, and its value is not quoted.

use slipway_domain::{BuildId, BuildState};
use slipway_store::builds::{self, Filter, list};
use slipway_store::hosts::{self, Probe};
use slipway_store::{Store, StoreError, events, images};

use crate::cast::{at, failure, held, host, probe, worker};
use crate::ground::Ground;

/// Fits no column, and stands for what somebody would not want to see in a log.
const VALUE: &str = "HUNTER2 / is no good";

stories!(a_build, a_lost_build_beside_others, an_event, a_host, an_image, sealed_secrets);

async fn a_build(ground: &Ground) {
    let store = ground.store().await;
    let build = held(&store).await.build();
    ground.drop_status_check().await;
    for column in ["spec", "failure", "host", "status"] {
        let before = ground.texts(&format!("SELECT coalesce({column}, '') FROM builds")).await;
        ground.sql(&format!("UPDATE builds SET {column} = '{VALUE}'")).await.unwrap();
        let error = builds::find(&store, build).await.unwrap_err();
        names(error, "builds", column, &build.to_string());
        let error = list(&store, &Filter::default(), 9).await.unwrap_err();
        names(error, "builds", column, &build.to_string());
        let restored = match before[0].as_str() {
            "" => "NULL".to_owned(),
            value => format!("'{value}'"),
        };
        ground.sql(&format!("UPDATE builds SET {column} = {restored}")).await.unwrap();
        let found = builds::find(&store, build).await.unwrap().unwrap();
        assert_eq!(found.state, BuildState::Running(slipway_domain::Stage::Preparing));
    }
}

async fn a_lost_build_beside_others(ground: &Ground) {
    let store = ground.store().await;
    for expires_at in [5, 50] {
        let lease = held(&store).await;
        builds::renew(&store, &lease, at(expires_at)).await.unwrap();
    }
    ground.drop_status_check().await;
    let first = "id = (SELECT build FROM leases ORDER BY expires_at LIMIT 1)";
    ground.sql(&format!("UPDATE builds SET status = '{VALUE}' WHERE {first}")).await.unwrap();
    let returned = builds::return_expired(&store, 9, at(100)).await.unwrap();
    assert_eq!(returned.iter().map(|one| one.state).collect::<Vec<_>>(), [BuildState::Queued]);
    assert_eq!(ground.count("leases").await, 1, "it waits for a release that can read it");
}

async fn an_event(ground: &Ground) {
    let store = ground.store().await;
    let build = held(&store).await.build();
    let json = format!(r#"{{"kind": "{VALUE}"}}"#);
    ground.sql(&format!("UPDATE events SET body = '{json}' WHERE seq = 2")).await.unwrap();
    let error = events::after(&store, build, 0, 9).await.unwrap_err();
    names(error, "events", "body", &format!("{build}/2"));
    assert_eq!(events::after(&store, build, 0, 1).await.unwrap().len(), 1, "event 1 is sound");
}

async fn a_host(ground: &Ground) {
    let store = ground.store().await;
    hosts::report(&store, worker(), &Probe { ..probe("h1", 1) }, at(0)).await.unwrap();
    ground.sql(&format!("UPDATE hosts SET platform = '{VALUE}'")).await.unwrap();
    names(hosts::all(&store).await.unwrap_err(), "hosts", "platform", "h1");
}

async fn an_image(ground: &Ground) {
    let store = ground.store().await;
    let build = left_behind(&store).await;
    ground.sql(&format!("UPDATE builds SET spec = '{VALUE}'")).await.unwrap();
    let error = images::left_on(&store, &host("h1")).await.unwrap_err();
    names(error, "builds", "spec", &build.to_string());
}

async fn sealed_secrets(ground: &Ground) {
    let store = ground.store().await;
    let build = held(&store).await.build();
    builds::return_expired(&store, 9, at(100)).await.unwrap();
    let nobody = ground.id(uuid::Uuid::nil());
    // Any bytes but the right ones; of the right length for the nonce, and of a wrong one.
    for change in ["ciphertext = nonce".to_owned(), format!("nonce = {}", bytes(ground, &nobody))] {
        ground.sql(&format!("UPDATE sealed_secrets SET {change}")).await.unwrap();
        let hosts = crate::cast::offered(&[("h1", &[])]);
        let second = ground.number("SELECT count(*) FROM sealed_secrets").await * 1000;
        ground
            .sql(&format!("UPDATE builds SET not_before = {}", crate::cast::literal(at(0))))
            .await
            .unwrap();
        let error = crate::cast::try_claim(&store, &hosts, at(second)).await.unwrap_err();
        assert!(matches!(&error, StoreError::Sealed { build: whose, .. } if *whose == build));
        assert_eq!(builds::find(&store, build).await.unwrap().unwrap().state, BuildState::Queued);
    }
}

fn bytes(ground: &Ground, id: &str) -> String {
    match ground.url.starts_with("sqlite:") {
        true => id.to_owned(),
        false => r"'\x00'".to_owned(),
    }
}

async fn left_behind(store: &Store) -> BuildId {
    let lease = held(store).await;
    let ending = builds::Ending::Failed(failure());
    builds::finish(store, &lease, ending, false, at(2)).await.unwrap();
    lease.build()
}

fn names(error: StoreError, table: &str, column: &str, row: &str) {
    let shown = format!("{error} {error:?}");
    let StoreError::Corrupt { table: t, column: c, row: r, .. } = &error else {
        panic!("{shown}");
    };
    assert_eq!((*t, *c, r.as_str()), (table, column, row));
    for part in [table, column, row] {
        assert!(error.to_string().contains(part), "{shown}");
    }
    assert!(!shown.contains("HUNTER2"), "{shown}");
    // What parsers say: a category, and a place in a text that nobody sees.
    for word in ["line", "at column", "Data", "Syntax", "expected", "variant", "invalid"] {
        assert!(!shown.contains(word), "{shown}");
    }
}
