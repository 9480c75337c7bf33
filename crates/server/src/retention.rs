//! What nothing needs any more goes: uploads, bytes and rows, and hosts that no worker has
//! any more.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use slipway_store::blobs::Blobs;
use slipway_store::{Store, StoreError, hosts, uploads};

const ROUNDS: Duration = Duration::from_secs(600);

/// How long a host may go unreported before it counts as taken out of all settings.
const HOSTS_KEPT: Duration = Duration::from_secs(3600);

/// Tidies up for ever.
pub(crate) async fn run(store: Store, blobs: Blobs, keep: Duration) {
    loop {
        match remove_unused(&store, &blobs, keep).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed uploads that nothing used any more"),
            Err(error) => tracing::warn!(%error, "unused uploads cannot be removed"),
        }
        // Uploads that were under way in a process that was killed.
        if let Err(error) = blobs.sweep_unfinished(ago(&store, keep)) {
            tracing::warn!(%error, "half-written uploads cannot be removed");
        }
        if let Err(error) = hosts::forget_unseen(&store, ago(&store, HOSTS_KEPT)).await {
            tracing::warn!(%error, "hosts that are gone cannot be forgotten");
        }
        tokio::time::sleep(ROUNDS).await;
    }
}

/// One round. The row goes first: a build that is submitted meanwhile is refused rather
/// than left without its context. A blob whose row is gone but that a crash left is found
/// again by its age.
async fn remove_unused(store: &Store, blobs: &Blobs, keep: Duration) -> Result<usize, StoreError> {
    let before = ago(store, keep);
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

fn ago(store: &Store, age: Duration) -> DateTime<Utc> {
    store.now() - TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX)
}
