//! What nothing needs any more goes: old builds, uploads, bytes and rows, hosts that no worker
//! has any more, and tries to tell followers.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use slipway_store::blobs::Blobs;
use slipway_store::{Store, StoreError, builds, followers, hosts, mark, uploads};

const ROUNDS: Duration = Duration::from_secs(600);

/// A blob that is nobody's may be one whose row is being written, and a bucket's clock is not
/// the database's: it is left alone for so long at least.
const NOBODYS_KEPT: Duration = Duration::from_secs(3600);

/// What is half written may still be written to; a slow line takes hours for a large context.
const UNFINISHED_KEPT: Duration = Duration::from_secs(86_400);

/// How long a host may go unreported before it counts as taken out of all settings.
const HOSTS_KEPT: Duration = Duration::from_secs(3600);

/// Deliveries, and addresses of followers, that go in one transaction.
const BATCH: u16 = 500;

/// Builds that are forgotten in one transaction: each takes the rows of its log along, and those of
/// a long one are some ten thousand.
const BUILDS: u16 = 10;

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keep {
    /// Builds that are over, with their logs; `None` is for ever.
    pub(crate) builds: Option<Duration>,
    /// Uploads that nothing uses.
    pub(crate) uploads: Duration,
    /// Tries to tell followers, and the addresses of those that are over.
    pub(crate) deliveries: Duration,
}

/// Tidies up for ever.
pub(crate) async fn run(store: Store, blobs: Blobs, keep: Keep) {
    loop {
        if let Err(error) = forget_deliveries(&store, ago(&store, keep.deliveries)).await {
            warn(&error, "old deliveries cannot be removed");
        }
        if let Some(kept) = keep.builds {
            match forget_builds(&store, ago(&store, kept)).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "forgot builds that were over long ago"),
                Err(error) => warn(&error, "old builds cannot be forgotten"),
            }
        }
        // The first one marks a new store, and what is in another's is not ours to remove.
        let settled = mark::settle(&store, &blobs).await;
        if let Err(error @ StoreError::OtherBlobs(_)) = &settled {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "uploads are left as they are; see blobs in /health");
        } else {
            // Also where its disk is too full for a mark.
            remove_uploads(&store, &blobs, keep.uploads).await;
        }
        if let Err(error) = hosts::forget_unseen(&store, ago(&store, HOSTS_KEPT)).await {
            tracing::warn!(%error, "hosts that are gone cannot be forgotten");
        }
        tokio::time::sleep(ROUNDS).await;
    }
}

async fn remove_uploads(store: &Store, blobs: &Blobs, keep: Duration) {
    match remove_unused(store, blobs, keep).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed uploads that nothing used any more"),
        Err(error) => warn(&error, "unused uploads cannot be removed"),
    }
    // Uploads that were under way in a process that was killed.
    match blobs.sweep_unfinished(ago(store, keep.max(UNFINISHED_KEPT))).await {
        Ok(0) => {}
        Ok(removed) => tracing::info!(removed, "removed uploads that were never finished"),
        Err(error) => warn(&error, "half-written uploads cannot be removed"),
    }
}

/// One round. The row goes first: a build that is submitted meanwhile is refused rather
/// than left without its context. A blob whose row is gone but that a crash left is found
/// again by its age.
async fn remove_unused(store: &Store, blobs: &Blobs, keep: Duration) -> Result<usize, StoreError> {
    let before = ago(store, keep);
    let mut removed = 0;
    loop {
        // An upload that others shared is free when they are gone, and goes with the next.
        let forgotten = uploads::forget_unused(store, before).await?;
        if forgotten.is_empty() {
            break;
        }
        removed += forgotten.len();
        for upload in forgotten.iter().filter(|upload| upload.had_blob) {
            blobs.delete(upload.id).await?;
        }
    }
    for id in blobs.complete_before(ago(store, keep.max(NOBODYS_KEPT))).await? {
        if !uploads::owns_blob(store, id).await? {
            blobs.delete(id).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Small transactions: builds run meanwhile.
async fn forget_builds(store: &Store, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let gone = builds::forget(store, before, BUILDS).await?;
        removed += gone;
        if gone < u64::from(BUILDS) {
            return Ok(removed);
        }
    }
}

/// Small transactions: webhooks are delivered meanwhile.
async fn forget_deliveries(store: &Store, before: DateTime<Utc>) -> Result<(), StoreError> {
    while followers::forget_deliveries(store, before, BATCH).await? == u64::from(BATCH) {}
    while followers::erase_ended(store, before, BATCH).await? == u64::from(BATCH) {}
    Ok(())
}

pub(crate) fn warn(error: &StoreError, what: &str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what}");
}

pub(crate) fn ago(store: &Store, age: Duration) -> DateTime<Utc> {
    store.now() - TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;

    use slipway_domain::{Project, UploadId, now};
    use slipway_store::seal::KeyRing;
    use slipway_store::uploads::Upload;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    async fn blob(blobs: &Blobs, folder: &Path, hours_old: i64) -> UploadId {
        let id = UploadId::generate();
        let mut writer = blobs.create(id);
        writer.write(b"context").await.unwrap();
        writer.finish().await.unwrap();
        let written = now() - TimeDelta::hours(hours_old);
        let file = File::options().append(true).open(folder.join(id.to_string())).unwrap();
        file.set_modified(written.into()).unwrap();
        id
    }

    async fn row(store: &Store, id: UploadId, digest: &str, hours_old: i64) -> Option<UploadId> {
        let upload = Upload {
            id,
            project: Project::default(),
            size_bytes: 7,
            sha256: digest.repeat(64),
            created_at: now() - TimeDelta::hours(hours_old),
        };
        uploads::insert(store, &upload).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_old_and_nobodys_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let (db, place) = (folder.path().join("rows.db"), folder.path().join("blobs"));
        let url = format!("sqlite://{}", db.display());
        let store = Store::open(&url, KeyRing::from_key(&[7; 32])).await.unwrap();
        store.migrate().await.unwrap();
        let blobs = Blobs::in_folder(&place).unwrap();

        let used = blob(&blobs, &place, 50).await;
        row(&store, used, "a", 1).await;
        let unused = blob(&blobs, &place, 50).await;
        row(&store, unused, "b", 50).await;
        // Two of the same bytes; a crash left the second's before they were dropped.
        let shared = blob(&blobs, &place, 50).await;
        row(&store, shared, "c", 49).await;
        let sharing = blob(&blobs, &place, 48).await;
        assert_eq!(row(&store, sharing, "c", 48).await, Some(shared));
        // A crash between bytes and row, long ago; and perhaps one just now.
        blob(&blobs, &place, 50).await;
        let just_now = blob(&blobs, &place, 0).await;

        let removed = remove_unused(&store, &blobs, DAY).await.unwrap();
        assert_eq!(removed, 5, "three rows, and two blobs of nobody");
        let files = std::fs::read_dir(&place).unwrap();
        let mut left: Vec<String> =
            files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [used.to_string(), just_now.to_string()]);
        // However short the time is that the settings give.
        assert_eq!(remove_unused(&store, &blobs, Duration::ZERO).await.unwrap(), 1);
        assert!(blobs.has(just_now, 7).await.unwrap(), "its row may be on its way");
    }
}
