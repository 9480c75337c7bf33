//! What one process can be.

pub(crate) mod api;
pub(crate) mod check;
pub(crate) mod mark_blobs;
pub(crate) mod migrate;
pub(crate) mod rotate_keys;
pub(crate) mod standalone;
pub(crate) mod worker;

use std::error::Error;
use std::time::Duration;

use crate::parts::part::Crash;

/// Why a role could not start, or could not go on.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// How long a process may still hand its builds back when a part of it has ended. Whatever is left
/// then comes back with its lease.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// The end of a role: in good order, or because a part ended that never should.
fn ended(crashed: Option<Crash>) -> Result<(), Failure> {
    match crashed {
        Some(crash) => Err(crash.to_string().into()),
        None => {
            tracing::info!("stopped");
            Ok(())
        }
    }
}
