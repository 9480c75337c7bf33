//! What waits in line for longer than it may is over, and what a worker lost goes back into line,
//! also where no worker is left to say so: that none is left is what a build may wait for.

use std::time::Duration;

use slipway_queue::Queue;
use slipway_store::Store;
use slipway_worker::{give_up, return_expired};

/// As often as workers look for deadlines; for leases they look oftener. One query each, over an
/// index that holds only builds with a deadline, and over what is running.
const ROUNDS: Duration = Duration::from_secs(5);

/// Ends what waited too long, and takes back what was lost, for ever. A build that was lost
/// `max_attempts` times ends, too.
pub(crate) async fn run(store: Store, queue: Queue, max_attempts: u32) {
    loop {
        tokio::time::sleep(ROUNDS).await;
        return_expired(&store, &queue, max_attempts).await;
        give_up(&store, &queue).await;
    }
}
