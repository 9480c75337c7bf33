//! Rows of uploaded contexts.

use std::io::Read as _;

use slipway_domain::{Project, Source, UploadId};
use slipway_store::Store;
use slipway_store::blobs::Blobs;
use slipway_store::builds::{Ending, Submitted, finish};
use slipway_store::uploads::{
    Forgotten, Upload, find, forget_unused, insert, keep_own_blob, open, owns_blob,
};

use crate::cast::{self, at, claim, report, spec, submit};
use crate::ground::Ground;

stories!(
    written_down_and_found,
    forgotten_when_nothing_uses_them,
    kept_while_a_build_needs_it,
    not_forgotten_under_a_submit,
    many_are_forgotten_a_few_at_a_time,
    the_same_bytes_share_a_blob,
    a_shared_blob_stays_until_the_last_is_gone,
    two_at_once_keep_one,
    not_forgotten_under_one_that_shares_it,
    one_that_shares_a_lost_blob_gets_its_own,
    rows_of_the_release_before_go_on_working,
    another_projects_is_as_good_as_none,
);

async fn written_down_and_found(ground: &Ground) {
    let store = ground.store().await;
    let size_bytes = 5 * 1024 * 1024 * 1024;
    let upload = Upload { size_bytes, ..upload(3, "a") };
    insert(&store, &upload).await.unwrap();
    assert_eq!(find(&store, upload.id).await.unwrap(), Some(upload));
    assert_eq!(find(&store, UploadId::generate()).await.unwrap(), None);
}

async fn forgotten_when_nothing_uses_them(ground: &Ground) {
    let store = ground.store().await;
    let (old, new) = (upload(1, "a"), upload(50, "b"));
    insert(&store, &old).await.unwrap();
    insert(&store, &new).await.unwrap();
    assert_eq!(forget_unused(&store, at(1)).await.unwrap(), []);
    assert_eq!(forget_unused(&store, at(40)).await.unwrap(), [with_blob(&old)]);
    assert_eq!(find(&store, old.id).await.unwrap(), None);
    assert_eq!(find(&store, new.id).await.unwrap(), Some(new));
    assert_eq!(forget_unused(&store, at(40)).await.unwrap(), []);
}

async fn kept_while_a_build_needs_it(ground: &Ground) {
    let store = ground.store().await;
    report(&store, "h1", 1).await;
    let upload = upload(1, "a");
    insert(&store, &upload).await.unwrap();
    let build = submit_of(&store, &upload, 2).await;
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [], "it waits in line");
    let lease = claim(&store, "h1", at(3)).await.unwrap().lease;
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [], "it runs");
    finish(&store, &lease, Ending::Cancelled, true, at(4)).await.unwrap();
    let over = cast::find(&store, build).await;
    assert_eq!(forget_unused(&store, at(2)).await.unwrap(), [], "it was used at 2");
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [with_blob(&upload)]);
    assert_eq!(cast::find(&store, build).await, over, "the build remains as it ended");
}

async fn many_are_forgotten_a_few_at_a_time(ground: &Ground) {
    let store = ground.store().await;
    for n in 0..450 {
        insert(&store, &upload(1 + n, &format!("{n:03}"))).await.unwrap();
    }
    let mut batches = Vec::new();
    loop {
        let forgotten = forget_unused(&store, at(9999)).await.unwrap();
        if forgotten.is_empty() {
            break;
        }
        batches.push(forgotten.len());
    }
    assert_eq!(batches, [200, 200, 50]);
}

async fn the_same_bytes_share_a_blob(ground: &Ground) {
    let store = ground.store().await;
    let (first, second, third) = (upload(1, "a"), upload(2, "a"), upload(3, "a"));
    assert_eq!(insert(&store, &first).await.unwrap(), None);
    assert_eq!(insert(&store, &second).await.unwrap(), Some(first.id));
    assert_eq!(insert(&store, &third).await.unwrap(), Some(first.id), "never in a chain");
    assert_eq!(insert(&store, &upload(3, "b")).await.unwrap(), None);
    let shorter = Upload { size_bytes: 2, ..upload(4, "a") };
    assert_eq!(insert(&store, &shorter).await.unwrap(), None, "no digest is trusted that far");
    for (upload, own) in [(&first, true), (&second, false), (&third, false), (&shorter, true)] {
        assert_eq!(owns_blob(&store, upload.id).await.unwrap(), own);
    }
    assert!(!owns_blob(&store, UploadId::generate()).await.unwrap());
}

async fn a_shared_blob_stays_until_the_last_is_gone(ground: &Ground) {
    let store = ground.store().await;
    let (first, second) = (upload(1, "a"), upload(2, "a"));
    insert(&store, &first).await.unwrap();
    insert(&store, &second).await.unwrap();
    submit_of(&store, &second, 50).await;
    assert_eq!(forget_unused(&store, at(40)).await.unwrap(), []);
    // Nor would a release that does not know of sharing get it deleted.
    let delete = format!("DELETE FROM uploads WHERE id = {}", ground.id(first.id.as_uuid()));
    assert!(ground.sql(&delete).await.is_err());
    ground.sql("DELETE FROM outbox").await.unwrap();
    ground.sql("DELETE FROM builds").await.unwrap();
    let shared = Forgotten { id: second.id, had_blob: false };
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [shared]);
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), [with_blob(&first)]);
    assert_eq!(forget_unused(&store, at(99)).await.unwrap(), []);
}

async fn two_at_once_keep_one(ground: &Ground) {
    let processes = [ground.store().await, ground.store().await];
    for n in 0..20 {
        let (one, other) = (upload(1, &format!("{n:02}")), upload(1, &format!("{n:02}")));
        let (first, second) =
            tokio::join!(insert(&processes[0], &one), insert(&processes[1], &other));
        let shared = [first.unwrap(), second.unwrap()];
        assert!(shared == [None, Some(one.id)] || shared == [Some(other.id), None], "{shared:?}");
    }
}

/// Whoever is about to share a blob gets it, or finds it gone; never a row without a blob.
async fn not_forgotten_under_one_that_shares_it(ground: &Ground) {
    let processes = [ground.store().await, ground.store().await];
    for n in 0..20 {
        let old = upload(1, &format!("{n:02}"));
        insert(&processes[0], &old).await.unwrap();
        let new = upload(50, &format!("{n:02}"));
        let (shared, forgotten) =
            tokio::join!(insert(&processes[0], &new), forget_unused(&processes[1], at(40)));
        let (shared, forgotten) = (shared.unwrap(), forgotten.unwrap());
        match shared {
            Some(id) => assert_eq!((id, &*forgotten), (old.id, &[][..])),
            None => assert_eq!(forgotten, [with_blob(&old)]),
        }
        let kept = find(&processes[0], old.id).await.unwrap().is_some();
        assert_eq!(kept, shared.is_some());
    }
}

async fn one_that_shares_a_lost_blob_gets_its_own(ground: &Ground) {
    let store = ground.store().await;
    let (lost, again, later) = (upload(1, "a"), upload(2, "a"), upload(3, "a"));
    insert(&store, &lost).await.unwrap();
    insert(&store, &again).await.unwrap();
    keep_own_blob(&store, again.id).await.unwrap();
    assert!(owns_blob(&store, again.id).await.unwrap());
    assert_eq!(insert(&store, &later).await.unwrap(), Some(again.id), "the newest is shared");
}

async fn rows_of_the_release_before_go_on_working(ground: &Ground) {
    let store = ground.store().await;
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::in_folder(folder.path()).unwrap();
    let id = crate::blobs::write(&blobs, b"abc", 2).await;
    let (row, at_1) = (ground.id(id.as_uuid()), crate::cast::literal(at(1)));
    let digest = "a".repeat(64);
    let old = format!(
        "INSERT INTO uploads (id, size_bytes, sha256, created_at, last_used_at) \
         VALUES ({row}, 3, '{digest}', {at_1}, {at_1})"
    );
    ground.sql(&old).await.unwrap();
    let found = find(&store, id).await.unwrap().unwrap();
    assert_eq!(found, Upload { id, ..upload(1, "a") });
    let mut content = String::new();
    let mut blob = open(&store, &blobs, id).await.unwrap().unwrap();
    blob.read_to_string(&mut content).unwrap();
    assert_eq!(content, "abc");
    // And others may share it.
    let new = upload(2, "a");
    assert_eq!(insert(&store, &new).await.unwrap(), Some(id));
    assert!(open(&store, &blobs, new.id).await.unwrap().is_some());
    assert!(open(&store, &blobs, UploadId::generate()).await.unwrap().is_none());
}

async fn another_projects_is_as_good_as_none(ground: &Ground) {
    let store = ground.store().await;
    let upload = Upload { project: Project::parse("shop").unwrap(), ..upload(1, "a") };
    insert(&store, &upload).await.unwrap();
    let mut spec = spec("r.example/app:1");
    spec.source = Source::Upload { id: upload.id };
    let none = slipway_domain::Secrets::default();
    let refused = cast::submit_with(&store, &spec, &none, None, at(2)).await.unwrap();
    assert!(matches!(refused, Submitted::NoSuchUpload), "{refused:?}");
    spec.project = Project::parse("shop").unwrap();
    let taken = cast::submit_with(&store, &spec, &none, None, at(3)).await.unwrap();
    assert!(matches!(taken, Submitted::New { .. }), "{taken:?}");
}

async fn not_forgotten_under_a_submit(ground: &Ground) {
    let processes = [ground.store().await, ground.store().await];
    for _ in 0..20 {
        let upload = upload(1, "a");
        insert(&processes[0], &upload).await.unwrap();
        let mut spec = spec("r.example/app:1");
        spec.source = Source::Upload { id: upload.id };
        let none = slipway_domain::Secrets::default();
        let (submitted, forgotten) = tokio::join!(
            cast::submit_with(&processes[0], &spec, &none, None, at(50)),
            forget_unused(&processes[1], at(40))
        );
        let accepted = matches!(submitted.unwrap(), Submitted::New { .. });
        let kept = find(&processes[0], upload.id).await.unwrap().is_some();
        assert_eq!((accepted, forgotten.unwrap().is_empty()), (kept, kept));
    }
}

/// One that came at a second; `digest` stands for the bytes.
pub(crate) fn upload(second: i64, digest: &str) -> Upload {
    Upload {
        id: UploadId::generate(),
        project: Project::default(),
        size_bytes: 3,
        sha256: digest.repeat(64)[..64].to_owned(),
        created_at: at(second),
    }
}

const fn with_blob(upload: &Upload) -> Forgotten {
    Forgotten { id: upload.id, had_blob: true }
}

async fn submit_of(store: &Store, upload: &Upload, second: i64) -> slipway_domain::BuildId {
    let mut spec = spec("r.example/app:1");
    spec.source = Source::Upload { id: upload.id };
    submit(store, &spec, at(second)).await.id
}
