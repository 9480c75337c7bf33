//! Logs of builds that were over long ago go from the database to the blob store, and out of
//! that with their builds.
//!
//! Every API server looks; the hold of a log says whose it is. To move all that there is when
//! this is switched on takes hours: so it has rounds of its own, and one log is moved after the
//! other.

use std::time::Duration;

use slipway_store::{Store, StoreError, archive};

use crate::retention::{ago, warn};

const ROUNDS: Duration = Duration::from_secs(600);

/// Logs that are looked up, and blobs that are removed, at once.
const BATCH: u16 = 50;

/// Moves logs that are over for longer than `after`, and removes those of forgotten builds, for
/// ever. Where `after` is `None`, none is moved; those that were are removed all the same.
pub(crate) async fn run(store: Store, after: Option<Duration>) {
    loop {
        if let Some(after) = after {
            match move_old(&store, after).await {
                Ok(0) => {}
                Ok(moved) => tracing::info!(moved, "moved logs to the blob store"),
                Err(error) => warn(&error, "logs cannot be moved to the blob store"),
            }
        }
        match sweep(&store).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed logs of builds that were forgotten"),
            Err(error) => warn(&error, "logs of forgotten builds cannot be removed"),
        }
        tokio::time::sleep(ROUNDS).await;
    }
}

/// One round. A log that cannot be moved is passed by; a database or a blob store that is away
/// ends the round.
async fn move_old(store: &Store, after: Duration) -> Result<u64, StoreError> {
    let mut moved = 0;
    loop {
        let builds = archive::to_move(store, ago(store, after), store.now(), BATCH).await?;
        if builds.is_empty() {
            return Ok(moved);
        }
        for build in builds {
            match archive::move_one(store, build, store.now()).await {
                Ok(Some(log)) => {
                    moved += 1;
                    let bytes = u64::try_from(log.bytes).unwrap_or(0);
                    metrics::counter!("slipway_logs_moved_total").increment(1);
                    metrics::counter!("slipway_logs_moved_bytes_total").increment(bytes);
                }
                // Somebody else has it.
                Ok(None) => {}
                Err(error @ StoreError::Corrupt { .. }) => {
                    warn(&error, "a log stays in the database");
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn sweep(store: &Store) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let swept = archive::sweep(store, store.now(), BATCH).await?;
        removed += swept;
        if swept < u64::from(BATCH) {
            return Ok(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use slipway_domain::{BuildId, BuildSpecDraft, Secrets, Source};
    use slipway_store::blobs::Blobs;
    use slipway_store::builds::{self, Submission};
    use slipway_store::events;
    use slipway_store::seal::KeyRing;

    use super::*;

    /// A build that was over so many days ago.
    async fn over(store: &Store, days: i64) -> BuildId {
        let id = BuildId::generate();
        let source = Source::dockerfile("FROM scratch\n");
        let spec = BuildSpecDraft::new("r.example/app:1", source).parse().unwrap();
        let then = store.now() - TimeDelta::days(days);
        let secrets = Secrets::default();
        builds::submit(store, &Submission::new(id, &spec, &secrets), then).await.unwrap();
        builds::cancel(store, id, then).await.unwrap();
        id
    }

    #[tokio::test]
    async fn what_is_old_is_moved_and_goes_with_its_build() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/rows.db", folder.path().display());
        let blobs = Blobs::in_folder(&folder.path().join("blobs")).unwrap();
        let store = Store::open(&url, KeyRing::from_key(&[7; 32])).await.unwrap();
        store.migrate().await.unwrap();
        let store = store.with_archive(&blobs);
        let mut old = Vec::new();
        for _ in 0..BATCH + 5 {
            old.push(over(&store, 30).await);
        }
        let new = over(&store, 2).await;
        let logs =
            || std::fs::read_dir(folder.path().join("blobs/logs")).map_or(0, Iterator::count);

        let week = Duration::from_secs(7 * 86_400);
        assert_eq!(move_old(&store, week).await.unwrap(), 55);
        assert_eq!(move_old(&store, week).await.unwrap(), 0);
        assert_eq!(logs(), 55);
        for build in old.iter().chain([&new]) {
            assert_eq!(events::after(&store, *build, 0, 9).await.unwrap().len(), 2);
        }
        // What nobody's blobs are is not what logs are.
        let later = store.now() + TimeDelta::days(1);
        assert_eq!(blobs.complete_before(later).await.unwrap(), []);
        assert_eq!(sweep(&store).await.unwrap(), 0);
        assert_eq!(builds::forget(&store, ago(&store, week), 99).await.unwrap(), 55);
        assert_eq!(sweep(&store).await.unwrap(), 55);
        assert_eq!(logs(), 0);
        assert_eq!(events::after(&store, new, 0, 9).await.unwrap().len(), 2);
    }
}
