//! What waits in line for longer than it may is over, also where no worker is left to say so:
//! that none is left is what it may wait for.

use std::time::Duration;

use slipway_queue::{News, Queue};
use slipway_store::{Store, builds};

/// As often as workers look. One query over an index that holds only builds with a deadline.
const ROUNDS: Duration = Duration::from_secs(5);

/// Ends what waited too long, for ever.
pub(crate) async fn run(store: Store, queue: Queue) {
    loop {
        tokio::time::sleep(ROUNDS).await;
        match builds::give_up(&store, store.now()).await {
            Ok(ended) => {
                for build in ended {
                    tracing::warn!(build.id = %build, "a build waited for too long and is over");
                    queue.tell(News::Happened(build));
                }
            }
            Err(error) => tracing::warn!(%error, "builds that wait too long cannot be looked up"),
        }
    }
}
