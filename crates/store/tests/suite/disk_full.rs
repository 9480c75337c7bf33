//! The disk is full: nothing is half written, and all goes on once there is room.

use slipway_domain::{BuildState, Outcome, Stage, UploadId};
use slipway_store::blobs::Blobs;
use slipway_store::builds::{self, Ending, Filter, advance, finish, list};
use slipway_store::events::append;
use slipway_store::{Lease, Store, StoreError};

use crate::blobs::files;
use crate::cast::{all_events, at, find, held, log, spec, submit, submit_with};
use crate::ground::{self, Ground};
use crate::tmpfs::SmallDisk;

#[tokio::test(flavor = "multi_thread")]
async fn sqlite() {
    let disk = SmallDisk::mount(12 * 1024);
    let ground = Ground::sqlite(&disk.path().join("slipway.sqlite")).await;
    goes_on_after(&ground, &disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres() {
    let disk = SmallDisk::mount(24 * 1024);
    let folder = disk.path().join("tablespace");
    std::fs::create_dir(&folder).unwrap();
    ground::on_postgres_in(&folder, async |ground: &Ground| goes_on_after(ground, &disk).await)
        .await;
}

#[tokio::test]
async fn blobs() {
    let disk = SmallDisk::mount(4 * 1024);
    let blobs = Blobs::in_folder(&disk.path().join("blobs")).unwrap();
    let kept = upload(&blobs, 1).await.unwrap();
    for _ in 0..2 {
        let error = upload(&blobs, 8).await.unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{error:?}");
        assert_eq!(files(&disk.path().join("blobs")), [kept.to_string()], "nothing half written");
    }
    let full = disk.fill();
    assert!(matches!(blobs.ping().await, Err(StoreError::Full(_))), "readiness says so");
    assert!(matches!(upload(&blobs, 1).await, Err(StoreError::Full(_))));
    drop(full);
    blobs.ping().await.unwrap();
    let more = upload(&blobs, 2).await.unwrap();
    let mut expected = [kept.to_string(), more.to_string()];
    let mut there = files(&disk.path().join("blobs"));
    expected.sort();
    there.sort();
    assert_eq!(there, expected);
}

async fn upload(blobs: &Blobs, mebibytes: usize) -> Result<UploadId, StoreError> {
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    for _ in 0..mebibytes {
        if let Err(error) = writer.write(&vec![7; 1024 * 1024]).await {
            writer.abort().await;
            return Err(error);
        }
    }
    writer.finish().await?;
    Ok(id)
}

/// A build runs, another waits, and then the disk is full.
async fn goes_on_after(ground: &Ground, disk: &SmallDisk) {
    let store = ground.store().await;
    let lease = held(&store).await;
    advance(&store, &lease, Stage::Building, None, at(2)).await.unwrap();
    submit(&store, &spec("r.example/waits:1"), at(2)).await;

    for round in 0..3 {
        let full = disk.fill();
        until_full(&store, &lease).await;
        let before = ground.everything().await;
        full_for_everybody(&store, &lease).await;
        assert_eq!(ground.everything().await, before, "nothing half written");
        drop(full);
        append(&store, &lease, at(5 + round), &[log("there is room again\n")]).await.unwrap();
        submit(&store, &spec("r.example/after:1"), at(6)).await;
    }

    let events = all_events(&store, lease.build()).await;
    let build = find(&store, lease.build()).await;
    let seqs: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=build.last_seq).collect::<Vec<i64>>(), "no gap in the log");
    finish(&store, &lease, Ending::Cancelled, true, at(9)).await.unwrap();
    let over = BuildState::Finished(Outcome::Cancelled);
    assert_eq!(find(&store, lease.build()).await.state, over);
}

/// Writes log text until there is no room for more: what is free inside the database's
/// files is used up too.
async fn until_full(store: &Store, lease: &Lease) {
    let mut state = 1_u64;
    for batch in 0..2000 {
        // Text that does not compress, or PostgreSQL would keep it in next to nothing.
        let text: String = std::iter::repeat_with(|| noise(&mut state)).take(32 * 1024).collect();
        match append(store, lease, at(100 + batch), &[log(&text)]).await {
            Ok(()) => {}
            Err(StoreError::Full(_)) => return,
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("the disk never filled");
}

async fn full_for_everybody(store: &Store, lease: &Lease) {
    let mut state = 2_u64;
    let text: String = std::iter::repeat_with(|| noise(&mut state)).take(256 * 1024).collect();
    let error = append(store, lease, at(3), &[log(&text)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)) && error.is_passing(), "{error:?}");
    let mut large = spec("r.example/large:1");
    large.metadata = Some(text.into());
    let none = slipway_domain::Secrets::default();
    let error = submit_with(store, &large, &none, None, at(4)).await.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    // Reading goes on.
    assert!(list(store, &Filter::default(), 9).await.unwrap().len() > 1);
    assert!(builds::find(store, lease.build()).await.unwrap().is_some());
}

/// Letters without a pattern (xorshift).
fn noise(state: &mut u64) -> char {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    char::from(b'!' + u8::try_from(*state % 90).unwrap())
}
