//! What one process can be.

pub(crate) mod api;
pub(crate) mod check;
pub(crate) mod mark_blobs;
pub(crate) mod migrate;
pub(crate) mod rotate_keys;
pub(crate) mod standalone;
pub(crate) mod worker;

use std::error::Error;

use crate::parts::part::Crash;

/// Why a role could not start, or could not go on.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

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
