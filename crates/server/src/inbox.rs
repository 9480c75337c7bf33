//! What forges tell is worked off, and forgotten when it is old.

use std::time::Duration;

use chrono::TimeDelta;
use slipway_api::Api;
use slipway_store::{Store, webhooks};

/// How often old deliveries are looked for.
const ROUNDS: Duration = Duration::from_secs(600);

/// Works deliveries off, and forgets those that came longer ago than `keep`, for ever.
pub(crate) async fn run(api: Api, keep: Duration) {
    let store = api.store.clone();
    tokio::join!(slipway_api::webhooks::run(api), forget(store, keep));
}

async fn forget(store: Store, keep: Duration) {
    loop {
        let before = store.now() - TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
        match webhooks::forget(&store, before).await {
            // There may be more of them.
            Ok(1..) => continue,
            Ok(0) => {}
            Err(error) => tracing::warn!(%error, "old deliveries cannot be forgotten"),
        }
        tokio::time::sleep(ROUNDS).await;
    }
}
