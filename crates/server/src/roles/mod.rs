//! What one process can be.

pub(crate) mod api;
pub(crate) mod check;
pub(crate) mod mark_blobs;
pub(crate) mod migrate;
pub(crate) mod rotate_keys;
pub(crate) mod standalone;
pub(crate) mod worker;

use std::error::Error;

/// Why a role could not start, or could not go on.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The end of a role: in good order, or because a part ended that never should.
fn ended(crashed: Option<&str>) -> Result<(), Failure> {
    match crashed {
        Some(part) => Err(format!("the {part} ended by itself").into()),
        None => {
            tracing::info!("stopped");
            Ok(())
        }
    }
}
