//! One build, from claim to end.
//!
//! The stages run as one future. Whatever breaks a build off (a cancel, a lost lease, the
//! worker's stop) drops that future, and with it the request to the engine, which is what
//! makes the engine stop. What then becomes of the row is decided in one place, [`wind_up`].

mod copy;
mod prepare;
mod pull;
mod push;
mod wind_up;

use chrono::TimeDelta;
use slipway_domain::{BuildSpec, Failure, Reason, Secrets, Source, Stage};
use slipway_queue::News;
use slipway_store::builds::{Claimed, Offer};
use slipway_store::{Lease, StoreError, builds, turns};
use tracing::{Instrument as _, Span};

use crate::Worker;
use crate::affinity::weight;
use crate::engine::Engine;
use crate::heartbeat::{Heartbeat, Interrupt};
use crate::log::{LogClosed, LogWriter, Mask};
use crate::measure::StageWatch;
use crate::purge::local_name;
use crate::trace;
use crate::turns::Turn;
use push::Pushed;

/// A build that this worker holds.
pub(crate) struct Run<'a> {
    worker: &'a Worker,
    engine: &'a Engine,
    lease: Lease,
    spec: BuildSpec,
    secrets: Secrets,
    log: LogWriter,
    mask: Mask,
    watch: StageWatch,
}

/// Why the stages did not run through.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The build failed.
    Failed(Failure),
    /// Somebody else holds it, or its row cannot be written: write nothing.
    LeaseLost,
}

/// How the stages went.
#[derive(Debug)]
enum Went {
    /// Through. Whether the host has confirmed that the image is gone.
    Well {
        purged: bool,
    },
    Wrong(Failure),
    BrokenOff(Interrupt),
}

/// Claims the next build for which a host is free. `None` when there is nothing to do.
///
/// # Errors
/// When the database does not answer.
pub async fn claim_one(worker: &Worker) -> Result<Option<Claimed>, StoreError> {
    let hosts = worker.pool.usable();
    if hosts.is_empty() {
        return Ok(None);
    }
    let lease = TimeDelta::from_std(worker.settings.lease).unwrap_or(TimeDelta::MAX);
    let now = worker.store.now();
    let offer = Offer {
        worker: worker.id,
        hosts: &hosts,
        expires_at: now + lease,
        raise_after: TimeDelta::from_std(worker.settings.raise_after).unwrap_or(TimeDelta::MAX),
    };
    let claimed = builds::claim(&worker.store, &offer, weight, now).await?;
    if let Some(claimed) = &claimed {
        worker.queue.tell(News::Happened(claimed.lease.build()));
        let waited = (now - claimed.created_at).as_seconds_f64();
        metrics::histogram!("slipway_build_wait_seconds").record(waited.max(0.0));
    }
    Ok(claimed)
}

/// Claims the next build and runs it to its end. `false` when there is nothing to do.
///
/// # Errors
/// When the database does not answer at the claim.
pub async fn run_one(worker: &Worker) -> Result<bool, StoreError> {
    let Some(claimed) = claim_one(worker).await? else { return Ok(false) };
    run_claimed(worker, claimed).await;
    Ok(true)
}

/// Runs a claimed build to its end.
pub async fn run_claimed(worker: &Worker, claimed: Claimed) {
    let span = trace::of_build(&claimed);
    run(worker, claimed).instrument(span).await;
}

async fn run(worker: &Worker, claimed: Claimed) {
    let Claimed { lease, expires_at, spec, secrets, .. } = claimed;
    let secrets = secrets.or_logins(&worker.settings.logins);
    let Some(engine) = worker.pool.engine(lease.host()) else {
        // Claims are made for hosts of this pool only; the lease runs out by itself.
        tracing::error!("the claimed host is not in the pool");
        return;
    };
    let heartbeat = Heartbeat::start(worker, &lease, expires_at);
    let mask = Mask::new(&secrets, secret_args(&spec));
    let log = LogWriter::start(&worker.store, &worker.queue, &lease, mask.clone());
    let run = Run {
        worker,
        engine,
        lease,
        spec,
        secrets,
        log,
        mask,
        watch: StageWatch::start(Span::current()),
    };
    let went = tokio::select! {
        biased;
        interrupt = heartbeat.interrupted() => Went::BrokenOff(interrupt),
        result = run.stages() => match result {
            Ok(purged) => Went::Well { purged },
            Err(Broken::Failed(failure)) => Went::Wrong(failure.at(run.log.stage())),
            Err(Broken::LeaseLost) => Went::BrokenOff(Interrupt::LeaseLost),
        },
    };
    let finished = run.wind_up(went).await;
    worker.queue.tell(News::Happened(run.lease.build()));
    run.watch.over(finished.as_ref().map_or("lost", |state| state.as_str()));
    match finished {
        Ok(state) => tracing::info!(build.status = %state, "build left this worker"),
        Err(error) => tracing::warn!(%error, "build was taken from this worker"),
    }
}

/// Older services' clients have no other place for a secret than an argument. What the log
/// begins with is none, though it may be an argument as well.
fn secret_args(spec: &BuildSpec) -> impl Iterator<Item = &str> {
    let all = spec.args.values().map(String::as_str).filter(move |_| spec.args_in_every_stage);
    all.filter(move |value| !spec.log_opening.iter().any(|line| line.contains(value)))
}

impl Run<'_> {
    /// All stages in order. Says whether the image is gone from the host.
    async fn stages(&self) -> Result<bool, Broken> {
        for line in &self.spec.log_opening {
            self.log.say(line).await?;
        }
        if let Source::Image { image, all_platforms: true } = &self.spec.source {
            let Pushed { digest, turn } = self.copy(image).await?;
            self.enter(Stage::Purging, Some(digest)).await?;
            self.give_back(turn).await;
            return Ok(true);
        }
        self.build().await?;
        if !self.spec.push {
            self.keep().await?;
            return Ok(true);
        }
        let Pushed { digest, turn } = self.push().await?;
        // The host does not wait for the row. Were this to end here, with the names gone and
        // the digest not written, the build would be built again as if it had ended before.
        let (entered, purged) =
            tokio::join!(self.enter(Stage::Purging, Some(digest)), self.purge_pushed(turn));
        entered?;
        Ok(purged)
    }

    /// Moves the row on, after everything that was logged before.
    async fn enter(&self, stage: Stage, digest: Option<String>) -> Result<(), Broken> {
        self.log.advance(stage, digest).await??;
        self.watch.entered(stage);
        Ok(())
    }

    /// Leaves the image on the host under its real name, for builds that are not pushed.
    async fn keep(&self) -> Result<(), Broken> {
        let _turn = self.turn().await;
        self.give_real_names().await?;
        self.engine.untag(&self.local_name()).await?;
        let host = self.lease.host();
        for image in self.spec.images() {
            self.log.say(&format!("not pushed: {image} stays on host {host}")).await?;
        }
        Ok(())
    }

    /// Removes the image after the push, the real name first, and hands on the turn with
    /// that. A host that fails now cannot undo a success: the sweep finds what it left.
    async fn purge_pushed(&self, turn: Turn) -> bool {
        let purge = async {
            for image in self.spec.images() {
                self.engine.untag(&image.to_string()).await?;
            }
            let local = self.local_name();
            let (purged, ()) = tokio::join!(self.engine.untag(&local), self.give_back(turn));
            purged
        };
        match tokio::time::timeout(wind_up::PURGE_LIMIT, purge).await {
            Ok(Ok(())) => true,
            Ok(Err(failure)) => {
                tracing::warn!(%failure, "the image could not be purged; the sweep will");
                false
            }
            Err(_) => {
                tracing::warn!("the purge took too long; the sweep will see to it");
                false
            }
        }
    }

    /// Waits until this build alone may use the image's real names.
    async fn turn(&self) -> Turn {
        let Self { worker, lease, spec, .. } = self;
        worker.turns.wait_across(&worker.store, lease, spec.images()).await
    }

    async fn give_real_names(&self) -> Result<(), Broken> {
        let local = self.local_name();
        for image in self.spec.images() {
            self.engine.tag(&local, image).await?;
        }
        Ok(())
    }

    async fn give_back(&self, turn: Turn) {
        if let Err(error) = turns::give_back(&self.worker.store, &self.lease).await {
            tracing::warn!(%error, "the turn to push lasts until the build ends");
        }
        drop(turn);
    }

    fn local_name(&self) -> String {
        local_name(self.lease.build(), self.lease.attempt())
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<LogClosed> for Broken {
    fn from(LogClosed: LogClosed) -> Self {
        Self::LeaseLost
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        if let StoreError::LeaseLost(_) = error {
            return Self::LeaseLost;
        }
        let cause = &error as &dyn std::error::Error;
        tracing::error!(error = cause, "the build's state cannot be read or written");
        let message = "slipway could not read or write the build's state";
        Self::Failed(Failure::new(Reason::Internal, message))
    }
}
