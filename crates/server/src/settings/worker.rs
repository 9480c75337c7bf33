//! `[worker]`: how much is run at once, and when a worker counts as lost.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{SettingsError, address, at_least_one, at_most, invalid};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Worker {
    /// `address:port` where `slipwayd worker` answers for its health and its metrics.
    pub(crate) listen: String,
    /// Builds at once, over all hosts of this worker.
    pub(crate) concurrency: u32,
    /// How long a claim holds without a heartbeat.
    pub(crate) lease_seconds: u64,
    /// How often it is renewed.
    pub(crate) heartbeat_seconds: u64,
    /// For how long a build waits until it counts as one priority higher.
    pub(crate) priority_raise_seconds: u64,
    /// How often a build may be lost before it fails.
    pub(crate) max_attempts: u32,
    /// How long running builds may go on after the first signal to stop.
    pub(crate) grace_seconds: u64,
    /// Where contexts are put down that have to be looked at twice.
    pub(crate) temp_dir: Option<PathBuf>,
}

impl Default for Worker {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8081".into(),
            concurrency: 8,
            lease_seconds: 20,
            heartbeat_seconds: 5,
            priority_raise_seconds: 300,
            max_attempts: 3,
            grace_seconds: 30,
            temp_dir: None,
        }
    }
}

impl Worker {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.address()?;
        at_least_one("worker.concurrency", self.concurrency.into())?;
        at_least_one("worker.max_attempts", self.max_attempts.into())?;
        at_least_one("worker.heartbeat_seconds", self.heartbeat_seconds)?;
        at_least_one("worker.priority_raise_seconds", self.priority_raise_seconds)?;
        // For so long nobody begins again what a lost worker held.
        at_most("worker.lease_seconds", self.lease_seconds, 86_400)?;
        if self.heartbeat_seconds.saturating_mul(2) > self.lease_seconds {
            return Err(invalid(
                "worker.heartbeat_seconds",
                "must be at most half of worker.lease_seconds, so that one lost heartbeat \
                 does not lose the build",
            ));
        }
        Ok(())
    }

    /// # Errors
    /// When `listen` is no address with a port.
    pub(crate) fn address(&self) -> Result<SocketAddr, SettingsError> {
        address("worker.listen", &self.listen)
    }
}
