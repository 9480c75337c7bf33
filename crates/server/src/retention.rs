//! Uploads that nothing needs any more go, bytes and rows.

use std::time::Duration;

use chrono::TimeDelta;
use slipway_store::blobs::Blobs;
use slipway_store::{Store, StoreError, uploads};

const ROUNDS: Duration = Duration::from_secs(600);

/// Removes unused uploads for ever.
pub(crate) async fn run(store: Store, blobs: Blobs, keep: Duration) {
    loop {
        match remove_unused(&store, &blobs, keep).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed uploads that nothing used any more"),
            Err(error) => tracing::warn!(%error, "unused uploads cannot be removed"),
        }
        tokio::time::sleep(ROUNDS).await;
    }
}

/// One round. The row goes first: a build that is submitted meanwhile is refused rather
/// than left without its context. A blob whose row is gone but that a crash left is found
/// again by its age.
async fn remove_unused(store: &Store, blobs: &Blobs, keep: Duration) -> Result<usize, StoreError> {
    let before = store.now() - TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    let mut removed = 0;
    for id in uploads::forget_unused(store, before).await? {
        blobs.delete(id).await?;
        removed += 1;
    }
    for id in blobs.complete_before(before).await? {
        if uploads::find(store, id).await?.is_none() {
            blobs.delete(id).await?;
            removed += 1;
        }
    }
    Ok(removed)
}
