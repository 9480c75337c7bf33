//! Rows of uploaded contexts.

use slipway_domain::{Source, UploadId};
use slipway_store::Store;
use slipway_store::builds::{Ending, finish};
use slipway_store::uploads::{Upload, find, forget_unused, insert};

use crate::cast::{self, at, claim, report, spec, submit};
use crate::ground::Ground;

stories!(
    written_down_and_found,
    forgotten_when_nothing_uses_them,
    kept_while_a_build_needs_it,
    not_forgotten_under_a_submit,
);

async fn written_down_and_found(ground: &Ground) {
    let store = ground.store().await;
    let size_bytes = 5 * 1024 * 1024 * 1024;
    let upload = Upload { size_bytes, ..upload(at(3)) };
    insert(&store, &upload).await.unwrap();
    assert_eq!(find(&store, upload.id).await.unwrap(), Some(upload));
    assert_eq!(find(&store, UploadId::generate()).await.unwrap(), None);
}

async fn forgotten_when_nothing_uses_them(ground: &Ground) {
    let store = ground.store().await;
    let (old, new) = (upload(at(1)), upload(at(50)));
    insert(&store, &old).await.unwrap();
    insert(&store, &new).await.unwrap();
    assert_eq!(forget_unused(&store, at(1)).await.unwrap(), []);
    assert_eq!(forget_unused(&store, at(40)).await.unwrap(), [old.id]);
    assert_eq!(find(&store, old.id).await.unwrap(), None);
    assert_eq!(find(&store, new.id).await.unwrap(), Some(new));
    assert_eq!(forget_unused(&store, at(40)).await.unwrap(), []);
}

async fn kept_while_a_build_needs_it(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let upload = upload(at(1));
    insert(&store, &upload).await.unwrap();
    let build = submit_of(&store, &upload, 2).await;
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [], "it waits in line");
    let lease = claim(&store, "h1", at(3)).await.unwrap().lease;
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [], "it runs");
    finish(&store, &lease, Ending::Cancelled, true, at(4)).await.unwrap();
    let over = cast::find(&store, build).await;
    assert_eq!(forget_unused(&store, at(2)).await.unwrap(), [], "it was used at 2");
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [upload.id]);
    assert_eq!(cast::find(&store, build).await, over, "the build remains as it ended");
}

async fn not_forgotten_under_a_submit(ground: &Ground) {
    let processes = [ground.store().await, ground.store().await];
    for _ in 0..20 {
        let upload = upload(at(1));
        insert(&processes[0], &upload).await.unwrap();
        let mut spec = spec("r.example/app:1");
        spec.source = Source::Upload { id: upload.id };
        let none = slipway_domain::Secrets::default();
        let (submitted, forgotten) = tokio::join!(
            cast::submit_with(&processes[0], &spec, &none, None, at(50)),
            forget_unused(&processes[1], at(40))
        );
        let accepted = matches!(submitted.unwrap(), slipway_store::builds::Submitted::New { .. });
        let kept = find(&processes[0], upload.id).await.unwrap().is_some();
        assert_eq!((accepted, forgotten.unwrap().is_empty()), (kept, kept));
    }
}

fn upload(created_at: chrono::DateTime<chrono::Utc>) -> Upload {
    Upload { id: UploadId::generate(), size_bytes: 3, sha256: "a".repeat(64), created_at }
}

async fn submit_of(store: &Store, upload: &Upload, second: i64) -> slipway_domain::BuildId {
    let mut spec = spec("r.example/app:1");
    spec.source = Source::Upload { id: upload.id };
    submit(store, &spec, at(second)).await.id
}
