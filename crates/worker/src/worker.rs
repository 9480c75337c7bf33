//! The worker's loop: a free slot first, then a bell, then a claim.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use slipway_domain::{Failure, HostName, WorkerId};
use slipway_queue::{Bell, News, POLL, Queue};
use slipway_store::blobs::Blobs;
use slipway_store::builds::Claimed;
use slipway_store::{Store, StoreError, builds, hosts};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::Reach;
use crate::pool::Pool;
use crate::purge::{Absences, sweep};
use crate::run::{claim_one, run_claimed};
use crate::settings::WorkerSettings;
use crate::turns::Turns;

/// How often expired leases are looked for. One look at an index of what runs.
const RECOVERY: Duration = Duration::from_secs(1);
/// How often leftovers and builds that waited for too long are looked for.
const ROUNDS: Duration = Duration::from_secs(5);

/// How long a worker that stops tries to take back what it said of its hosts.
const FAREWELL: Duration = Duration::from_secs(2);

/// A worker and what it works with. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worker {
    /// Who it is, in leases.
    pub id: WorkerId,
    /// The state of record.
    pub store: Store,
    /// Where uploads are.
    pub blobs: Blobs,
    /// The bells.
    pub queue: Queue,
    /// What it was told.
    pub settings: Arc<WorkerSettings>,
    /// Its hosts.
    pub pool: Arc<Pool>,
    /// Cancelled when running builds are to be broken off and handed back.
    pub hand_back: CancellationToken,
    pub(crate) reach: Arc<Reach>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) absences: Arc<Absences>,
}

impl Worker {
    /// A worker with a new identity.
    ///
    /// # Errors
    /// When a host's URL, or what is said of sources, cannot be used.
    pub fn new(
        store: Store,
        blobs: Blobs,
        queue: Queue,
        settings: WorkerSettings,
    ) -> Result<Self, Failure> {
        Ok(Self {
            id: WorkerId::generate(),
            store,
            blobs,
            queue,
            pool: Arc::new(Pool::new(&settings.hosts)?),
            reach: Arc::new(Reach::new(&settings.sources)?),
            settings: Arc::new(settings),
            hand_back: CancellationToken::new(),
            turns: Arc::default(),
            absences: Arc::default(),
        })
    }

    /// Works until `stopping`, then waits for what runs: to its end, or until
    /// [`Worker::hand_back`] is cancelled and it is back in line.
    pub async fn run(self, stopping: CancellationToken) {
        let running = TaskTracker::new();
        let pool = Arc::clone(&self.pool);
        let watch = pool.watch(&self);
        let recovery = self.recovery();
        let rounds = self.rounds();
        let sweeps = self.sweeps();
        let taking = self.take(&running, &stopping);
        tokio::select! {
            () = taking => {}
            () = watch => {}
            () = recovery => {}
            () = rounds => {}
            () = sweeps => {}
        }
        running.close();
        // Probes go on below only as far as the running builds need them: not at all.
        running.wait().await;
        let leaving = hosts::leave(&self.store, self.id, self.store.now());
        match tokio::time::timeout(FAREWELL, leaving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "what was said of hosts lasts for a minute"),
            Err(_) => tracing::debug!("what was said of hosts lasts for a minute"),
        }
    }

    /// Takes builds until told to stop.
    async fn take(&self, running: &TaskTracker, stopping: &CancellationToken) {
        let concurrency = usize::try_from(self.settings.concurrency).unwrap_or(usize::MAX);
        let slots = Arc::new(Semaphore::new(concurrency.min(Semaphore::MAX_PERMITS)));
        let mut bells = self.queue.bells();
        // Builds may be in line already: the first look waits for nothing.
        let mut waits = false;
        loop {
            let slot = tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                slot = Arc::clone(&slots).acquire_owned() => slot,
            };
            // The semaphore is never closed.
            let Ok(slot) = slot else { return };
            let bell = if waits {
                // With the slot in hand: a bell that is held by who is busy rings for nobody.
                tokio::select! {
                    biased;
                    () = stopping.cancelled() => return,
                    rung = bells.next() => Some(rung),
                    () = self.pool.came_back() => None,
                    // The net under bells that were lost.
                    () = tokio::time::sleep(POLL) => None,
                }
            } else {
                None
            };
            let claimed = match bell {
                Some(_) => claim_one(self).await,
                None => claim_if_anyone_waits(self).await,
            };
            let is_of_one = bell.as_ref().is_some_and(Bell::is_of_one);
            // At the claim: from here on the lease counts.
            if let Some(bell) = bell {
                bell.answered();
            }
            waits = match claimed {
                Ok(Some(claimed)) => {
                    let worker = self.clone();
                    running.spawn(async move {
                        run_claimed(&worker, claimed).await;
                        drop(slot);
                        // A build that ended frees its host, too: look again.
                        worker.pool.look_again();
                    });
                    // Where each build in line has a bell of its own, it brings the next one too.
                    is_of_one
                }
                Ok(None) => true,
                Err(error) => {
                    tracing::warn!(%error, "no build can be claimed");
                    true
                }
            };
        }
    }

    /// Takes back what other workers lost, as soon as a lease is over: somebody waits for it.
    async fn recovery(&self) {
        loop {
            tokio::time::sleep(RECOVERY).await;
            return_expired(&self.store, &self.queue, self.settings.max_attempts).await;
        }
    }

    /// Keeps to the database's time, and ends what waited too long.
    async fn rounds(&self) {
        loop {
            tokio::time::sleep(ROUNDS).await;
            if let Err(error) = self.store.read_clock().await {
                tracing::warn!(%error, "the database's clock cannot be read");
            }
            give_up(&self.store, &self.queue).await;
        }
    }

    /// Purges what was left on the hosts. One that stands still holds up no other.
    async fn sweeps(&self) {
        let of_host = async |host: &HostName| {
            loop {
                tokio::time::sleep(ROUNDS).await;
                if self.pool.usable().contains_key(host) {
                    sweep(self, host).await;
                }
            }
        };
        join_all(self.pool.names().map(of_host)).await;
        // Without a host there is nothing to sweep, which is no reason to stop working.
        std::future::pending().await
    }
}

/// [`claim_one`], for a worker that was not told that there is one: to look costs less than to
/// claim, and most looks find nothing.
async fn claim_if_anyone_waits(worker: &Worker) -> Result<Option<Claimed>, StoreError> {
    if builds::is_anyone_waiting(&worker.store).await? { claim_one(worker).await } else { Ok(None) }
}

/// One round: every lease that ran out is taken back. Builds that were lost `max_attempts` times
/// end there. Workers do it, and for the time when none is left, API servers.
pub async fn return_expired(store: &Store, queue: &Queue, max_attempts: u32) {
    match builds::return_expired(store, max_attempts, store.now()).await {
        Ok(returned) => {
            for build in &returned {
                metrics::counter!("slipway_lease_expiries_total").increment(1);
                tracing::warn!(build.id = %build.build, build.status = %build.state, "a lease ran out");
                queue.tell(News::Happened(build.build));
            }
            if !returned.is_empty() {
                queue.outbox_filled();
            }
        }
        Err(error) => tracing::warn!(%error, "expired leases cannot be looked up"),
    }
}

/// One round: every build that waited for longer than it may is over. Workers do it, and for the
/// time when none is left, API servers.
pub async fn give_up(store: &Store, queue: &Queue) {
    match builds::give_up(store, store.now()).await {
        Ok(ended) => {
            for build in ended {
                tracing::warn!(build.id = %build, "a build waited for too long and is over");
                queue.tell(News::Happened(build));
            }
        }
        Err(error) => tracing::warn!(%error, "builds that wait too long cannot be looked up"),
    }
}
