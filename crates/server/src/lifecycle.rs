//! Stopping, in two steps.
//!
//! The first signal stops the taking of builds and lets those that run come to their end
//! within a grace time; the second one, or the end of that time, hands them back into
//! line. Whatever stops by itself is a crash, and the exit code says so.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two steps, as tokens that the roles listen to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// First step: take nothing new.
    pub(crate) stopping: CancellationToken,
    /// Second step: break off what runs and hand it back.
    pub(crate) hand_back: CancellationToken,
}

/// SIGINT and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen, before anything starts that a signal would have to stop.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Walks both steps. Returns after the second.
    pub(crate) async fn drive(mut self, stop: Stop, grace: Duration) {
        self.next().await;
        let seconds = grace.as_secs();
        tracing::info!(
            "stopping: running builds have {seconds} s to finish; signal again to hand them back now"
        );
        stop.stopping.cancel();
        tokio::select! {
            () = self.next() => {}
            () = tokio::time::sleep(grace) => {}
        }
        tracing::info!("handing running builds back into line");
        stop.hand_back.cancel();
    }
}
