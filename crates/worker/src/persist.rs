//! Writing to a database that may be away for a moment.

use std::time::Duration;

use slipway_store::StoreError;

/// How long a write waits before it is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Writes as often as it takes: while the database is away the build goes on, and when it
/// stays away the lease runs out and the heartbeat ends this.
pub(crate) async fn persist<T, F>(write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match write().await {
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, "the build waits for the database");
                tokio::time::sleep(RETRY).await;
            }
            other => return other,
        }
    }
}
