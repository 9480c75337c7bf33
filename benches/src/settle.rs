//! The disk, before a clock begins.

use crate::error::Error;

/// Waits until what was done so far is on the disk, so that nobody waits for what others left
/// to it.
pub(crate) async fn settle() -> Result<(), Error> {
    Ok(tokio::task::spawn_blocking(rustix::fs::sync).await.map_err(std::io::Error::from)?)
}
