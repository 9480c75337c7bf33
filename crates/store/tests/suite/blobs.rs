//! The bytes of uploads: whole or not at all.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use sha2::{Digest as _, Sha256};
use slipway_domain::{UploadId, now};
use slipway_store::StoreError;
use slipway_store::blobs::{Blobs, BucketAccess};
use tempfile::TempDir;

#[tokio::test]
async fn what_was_written_is_read() {
    let (blobs, folder) = blobs();
    for bytes in [0, 1, 1024 * 1024 - 1, 1024 * 1024, 2 * 1024 * 1024, 3 * 1024 * 1024 + 7] {
        let content: Vec<u8> = (0..=255).cycle().take(bytes).collect();
        let id = write(&blobs, &content, 300_001).await;
        assert_eq!(read(&blobs, id).await, Some(content), "{bytes} bytes");
    }
    assert_eq!(files(folder.path()).len(), 6);
}

#[tokio::test]
async fn there_is_nothing_before_the_last_byte() {
    let (blobs, _folder) = blobs();
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    writer.write(&vec![1; 5 * 1024 * 1024]).await.unwrap();
    assert_eq!(read(&blobs, id).await, None);
    assert_eq!(blobs.complete_before(in_an_hour()).await.unwrap(), []);
    writer.finish().await.unwrap();
    assert_eq!(read(&blobs, id).await.unwrap().len(), 5 * 1024 * 1024);
    assert_eq!(blobs.complete_before(in_an_hour()).await.unwrap(), [id]);
    assert_eq!(blobs.complete_before(now() - TimeDelta::hours(1)).await.unwrap(), []);
}

#[tokio::test]
async fn a_removed_blob_is_gone_and_may_be_removed_again() {
    let (blobs, folder) = blobs();
    let id = write(&blobs, b"context", 3).await;
    let other = write(&blobs, b"another", 3).await;
    blobs.delete(id).await.unwrap();
    blobs.delete(id).await.unwrap();
    assert_eq!(read(&blobs, id).await, None);
    assert_eq!(files(folder.path()), [other.to_string()]);
}

#[tokio::test]
async fn one_that_is_broken_off_leaves_nothing() {
    let (blobs, folder) = blobs();
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    writer.write(&vec![1; 3 * 1024 * 1024]).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1, "it is staged beside its place");
    writer.abort().await;
    assert_eq!(files(folder.path()), [""; 0]);
    assert_eq!(read(&blobs, id).await, None);
}

#[tokio::test]
async fn what_a_dead_process_left_is_swept() {
    let (blobs, folder) = blobs();
    let whole = write(&blobs, b"context", 3).await;
    let mut writer = blobs.create(UploadId::generate());
    writer.write(&vec![1; 3 * 1024 * 1024]).await.unwrap();
    // A process that is killed runs no destructor.
    std::mem::forget(writer);
    assert_eq!(files(folder.path()).len(), 2);

    let an_hour_ago = now() - TimeDelta::hours(1);
    assert_eq!(blobs.sweep_unfinished(an_hour_ago).await.unwrap(), 0, "it may still be written to");
    assert_eq!(blobs.sweep_unfinished(in_an_hour()).await.unwrap(), 1);
    assert_eq!(files(folder.path()), [whole.to_string()]);
}

#[tokio::test]
async fn a_hundred_mebibytes() {
    let (blobs, folder) = blobs();
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    let mut written = Sha256::new();
    // A prime, so that no part ends where a piece does.
    let piece: Vec<u8> = (0..=255).cycle().take(65_521).collect();
    let mut left = 100 * 1024 * 1024;
    while left > 0 {
        let bytes = &piece[..piece.len().min(left)];
        writer.write(bytes).await.unwrap();
        written.update(bytes);
        left -= bytes.len();
    }
    writer.finish().await.unwrap();

    let mut file = blobs.open_blob(id).await.unwrap().unwrap();
    let (mut read, mut bytes) = (Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => break,
            count => {
                read.update(&buffer[..count]);
                bytes += count;
            }
        }
    }
    assert_eq!(bytes, 100 * 1024 * 1024);
    assert_eq!(read.finalize(), written.finalize());
    assert_eq!(files(folder.path()), [id.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_ask_at_once_whether_it_works() {
    let (blobs, folder) = blobs();
    let one = || {
        let blobs = blobs.clone();
        tokio::spawn(async move {
            for _ in 0..20 {
                blobs.ping().await.unwrap();
            }
        })
    };
    for asked in join_all((0..8).map(|_| one())).await {
        asked.unwrap();
    }
    assert_eq!(files(folder.path()), [""; 0]);
}

#[tokio::test]
async fn a_folder_is_made_and_other_places_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b c");
    let blobs =
        Blobs::open(&format!("file://{}", deep.display()), &BucketAccess::default()).unwrap();
    write(&blobs, b"context", 3).await;
    assert_eq!(files(&deep).len(), 1);
    for url in ["s3://", "gs://bucket/prefix", "a/b", "", "file:relative"] {
        match Blobs::open(url, &BucketAccess::default()) {
            Err(StoreError::Settings(problem)) => {
                assert!(problem.contains("blobs.url"), "{problem}")
            }
            other => panic!("{url}: {other:?}"),
        }
    }
}

fn blobs() -> (Blobs, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Blobs::in_folder(folder.path()).unwrap(), folder)
}

pub(crate) async fn write(blobs: &Blobs, content: &[u8], piece: usize) -> UploadId {
    let id = UploadId::generate();
    let mut writer = blobs.create(id);
    for bytes in content.chunks(piece) {
        writer.write(bytes).await.unwrap();
    }
    writer.finish().await.unwrap();
    id
}

async fn read(blobs: &Blobs, id: UploadId) -> Option<Vec<u8>> {
    let mut file = blobs.open_blob(id).await.unwrap()?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).unwrap();
    Some(content)
}

pub(crate) fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

pub(crate) fn in_an_hour() -> DateTime<Utc> {
    now() + TimeDelta::hours(1)
}
