//! Keeps a claim alive and listens for what should end it.
//!
//! One task per held build renews the lease and watches the cancel column. It goes on
//! while the build is being wound up, because that takes time too.

use chrono::{DateTime, TimeDelta, Utc};
use slipway_queue::{Ear, News, POLL};
use slipway_store::{Lease, StoreError, builds};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::Worker;

/// Why a build is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Somebody asked for it to stop.
    Cancelled,
    /// Somebody else holds it now: write nothing.
    LeaseLost,
    /// This worker stops: the build goes back into line.
    Stopping,
}

/// The heartbeat of one held build. Ends when dropped.
pub(crate) struct Heartbeat {
    interrupt: watch::Receiver<Option<Interrupt>>,
    task: AbortHandle,
}

struct Beat {
    worker: Worker,
    lease: Lease,
    ear: Ear,
    stopping: CancellationToken,
    interrupt: watch::Sender<Option<Interrupt>>,
    /// When the claim runs out unless it is renewed.
    held_until: Instant,
}

impl Heartbeat {
    /// The lease is good until `expires_at`, which counts from before the claim: over a slow
    /// database that took a while.
    pub(crate) fn start(worker: &Worker, lease: &Lease, expires_at: DateTime<Utc>) -> Self {
        let (sender, interrupt) = watch::channel(None);
        let beat = Beat {
            worker: worker.clone(),
            lease: lease.clone(),
            ear: worker.queue.listen(),
            stopping: worker.hand_back.clone(),
            interrupt: sender,
            held_until: Instant::now()
                + (expires_at - worker.store.now()).to_std().unwrap_or_default(),
        };
        Self { interrupt, task: tokio::spawn(beat.run().in_current_span()).abort_handle() }
    }

    /// Waits for a reason to break the build off.
    pub(crate) async fn interrupted(&self) -> Interrupt {
        let mut interrupt = self.interrupt.clone();
        match interrupt.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(interrupt)) => *interrupt,
            // The task died: the lease will run out, so it counts as lost.
            Ok(None) | Err(_) => Interrupt::LeaseLost,
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Beat {
    async fn run(mut self) {
        let (lease, heartbeat) = (self.worker.settings.lease, self.worker.settings.heartbeat);
        let mut next_beat = self.held_until + heartbeat - lease;
        loop {
            let held_until = self.held_until;
            let told = tokio::select! {
                biased;
                // Whatever is asked of the database meanwhile: from now on somebody else may hold
                // the build, and push.
                () = tokio::time::sleep_until(held_until) => Some(Interrupt::LeaseLost),
                told = self.listen(&mut next_beat) => told,
            };
            if let Some(interrupt) = told {
                self.interrupt.send_if_modified(|now| {
                    // The first reason stands, but a lost lease overrules everything.
                    let stands = now.is_some() && interrupt != Interrupt::LeaseLost;
                    if !stands {
                        *now = Some(interrupt);
                    }
                    !stands
                });
                if interrupt == Interrupt::LeaseLost {
                    return;
                }
            }
        }
    }

    /// Waits for the next thing that may end the build, renewing the lease in its time.
    async fn listen(&mut self, next_beat: &mut Instant) -> Option<Interrupt> {
        tokio::select! {
            () = tokio::time::sleep_until(*next_beat) => {
                *next_beat = Instant::now() + self.worker.settings.heartbeat;
                self.renew().await
            }
            () = told_to_stop(&mut self.ear, &self.lease) => self.look().await,
            // The net under news that was lost.
            () = tokio::time::sleep(POLL) => self.look().await,
            () = self.stopping.cancelled(), if self.interrupt.borrow().is_none() => {
                Some(Interrupt::Stopping)
            }
        }
    }

    async fn renew(&mut self) -> Option<Interrupt> {
        let lease = self.worker.settings.lease;
        let now = self.worker.store.now();
        let expires_at = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
        let asked_at = Instant::now();
        match builds::renew(&self.worker.store, &self.lease, expires_at).await {
            Ok(heartbeat) => {
                self.held_until = asked_at + lease;
                heartbeat.cancel_requested.then_some(Interrupt::Cancelled)
            }
            Err(StoreError::LeaseLost(_)) => Some(Interrupt::LeaseLost),
            // The row cannot be reached. Until the lease runs out nobody else can have it.
            Err(_) => None,
        }
    }

    async fn look(&self) -> Option<Interrupt> {
        if self.interrupt.borrow().is_some() {
            return None;
        }
        let asked = builds::cancel_requested(&self.worker.store, self.lease.build()).await;
        asked.unwrap_or(false).then_some(Interrupt::Cancelled)
    }
}

async fn told_to_stop(ear: &mut Ear, lease: &Lease) {
    loop {
        match ear.next().await {
            News::CancelAsked(build) if build == lease.build() => return,
            News::Missed => return,
            News::CancelAsked(_) | News::Happened(_) => {}
        }
    }
}
