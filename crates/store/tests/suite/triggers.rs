//! Triggers: kept under a name, with secrets that nobody sees.

use std::collections::BTreeMap;

use slipway_domain::{Forge, Trigger, TriggerDefinition, TriggerId, TriggerSecrets};
use slipway_store::Store;
use slipway_store::seal::{KeyRing, Rotated, rotate};
use slipway_store::triggers::{self, Named, Written};

use crate::cast::{at, keys};
use crate::ground::Ground;

stories!(
    made_changed_and_removed,
    a_name_is_had_once,
    secrets_are_sealed_and_rotated,
    one_that_cannot_be_read_is_left_out,
);

fn trigger(name: &str) -> Trigger {
    let image = "r.example/{owner}/{repo}:{branch}";
    TriggerDefinition::new(name, Forge::Github, "octo/*", image).parse().unwrap()
}

fn secrets(secret: &str) -> TriggerSecrets {
    TriggerSecrets {
        secret: Some(secret.to_owned().into()),
        token: Some("t0ken".to_owned().into()),
    }
}

async fn insert(store: &Store, name: &str) -> TriggerId {
    let id = TriggerId::generate();
    let written = triggers::insert(store, id, &trigger(name), &secrets("hunter2"), at(1)).await;
    assert_eq!(written.unwrap(), Written::Kept);
    id
}

async fn names(store: &Store) -> Vec<String> {
    let all = triggers::all(store).await.unwrap();
    all.iter().map(|kept| kept.trigger.name().to_string()).collect()
}

async fn made_changed_and_removed(ground: &Ground) {
    let store = ground.store().await;
    let (web, api) = (insert(&store, "web").await, insert(&store, "api").await);
    assert_eq!(names(&store).await, ["api", "web"]);
    let kept = triggers::find(&store, Named::Name("web")).await.unwrap().unwrap();
    assert_eq!((kept.id, kept.created_at, kept.updated_at), (web, at(1), at(1)));
    assert_eq!(kept.trigger.definition(), trigger("web").definition());
    assert_eq!(kept.secrets.secret.unwrap().expose(), "hunter2");

    let none = TriggerSecrets::default();
    let changed = triggers::update(&store, web, &trigger("site"), &none, at(5)).await.unwrap();
    assert_eq!(changed, Written::Kept);
    let kept = triggers::find(&store, Named::Id(web)).await.unwrap().unwrap();
    assert_eq!((kept.trigger.name().as_str(), kept.updated_at), ("site", at(5)));
    assert!(kept.secrets.is_empty());
    assert_eq!(ground.count("sealed_trigger_secrets").await, 1);

    assert!(triggers::remove(&store, api).await.unwrap());
    assert!(!triggers::remove(&store, api).await.unwrap());
    assert_eq!(ground.count("sealed_trigger_secrets").await, 0);
    let gone = triggers::update(&store, api, &trigger("api"), &none, at(6)).await.unwrap();
    assert_eq!(gone, Written::Gone);
    assert!(triggers::find(&store, Named::Id(api)).await.unwrap().is_none());
}

async fn a_name_is_had_once(ground: &Ground) {
    let store = ground.store().await;
    insert(&store, "web").await;
    let other = insert(&store, "api").await;
    let none = TriggerSecrets::default();
    let (id, same) = (TriggerId::generate(), trigger("web"));
    let again = triggers::insert(&store, id, &same, &none, at(2)).await.unwrap();
    assert_eq!(again, Written::NameTaken);
    let taken = triggers::update(&store, other, &trigger("web"), &none, at(2)).await.unwrap();
    assert_eq!(taken, Written::NameTaken);
    assert_eq!(names(&store).await, ["api", "web"]);
}

async fn secrets_are_sealed_and_rotated(ground: &Ground) {
    let store = ground.store().await;
    let id = insert(&store, "web").await;
    for table in ["build_triggers", "sealed_trigger_secrets"] {
        let rows = ground.table(table).await;
        assert!(!rows.contains("hunter2") && !rows.contains("t0ken"), "{rows}");
    }
    assert!(ground.files().iter().all(|file| !file.windows(7).any(|at| at == b"hunter2")));

    let new = KeyRing::from_key(&[9; 32]);
    let both = Store::open(&ground.url, new.clone().with_old(keys())).await.unwrap();
    let rotated = rotate(&both).await.unwrap();
    assert_eq!(rotated, Rotated { resealed: 1, left: BTreeMap::new() });
    let only_new = Store::open(&ground.url, new).await.unwrap();
    let kept = triggers::find(&only_new, Named::Id(id)).await.unwrap().unwrap();
    assert_eq!(kept.secrets.token.unwrap().expose(), "t0ken");
    let error = triggers::find(&store, Named::Id(id)).await.unwrap_err().to_string();
    assert!(error.contains(&id.to_string()) && !error.contains("hunter2"), "{error}");
    // One that nobody can open says so, and is left as it is.
    let left = rotate(&Store::open(&ground.url, KeyRing::from_key(&[3; 32])).await.unwrap()).await;
    assert_eq!(left.unwrap().left.values().sum::<u64>(), 1);
}

async fn one_that_cannot_be_read_is_left_out(ground: &Ground) {
    let store = ground.store().await;
    insert(&store, "web").await;
    insert(&store, "api").await;
    ground.sql("UPDATE build_triggers SET definition = '{}' WHERE name = 'api'").await.unwrap();
    assert_eq!(names(&store).await, ["web"]);
    triggers::find(&store, Named::Name("api")).await.unwrap_err();
}
