//! One build, from claim to end.
//!
//! The stages run as one future. Whatever breaks a build off (a cancel, a lost lease, the
//! worker's stop) drops that future, and with it the request to the engine, which is what
//! makes the engine stop. What then becomes of the row is decided in one place, [`wind_up`].

mod copy;
mod names;
mod prepare;
mod pull;
mod push;
mod wind_up;

use std::convert::Infallible;
use std::time::Duration;

use chrono::TimeDelta;
use slipway_domain::{BuildSpec, Failure, Reason, Secrets, Source, Stage};
use slipway_queue::News;
use slipway_store::builds::{Claimed, Offer};
use slipway_store::{Lease, StoreError, builds};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use crate::Worker;
use crate::affinity::weight;
use crate::engine::Engine;
use crate::heartbeat::{Heartbeat, Interrupt};
use crate::log::{LogClosed, LogWriter, Mask};
use crate::measure::StageWatch;
use crate::trace;
use crate::turns::Turn;
use push::Pushed;

/// A build whose context is at hand is building within less than this: one word, and one look by
/// each server that has followers, is for both.
const CLAIM_TOLD: Duration = Duration::from_millis(20);

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
    /// Cancelled when the image is about to be there.
    exported: CancellationToken,
}

/// Why the stages did not run through.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The build failed.
    Failed(Failure),
    /// Somebody else holds it, or its row cannot be written: write nothing.
    LeaseLost,
}

/// What is left of stages that ran through.
struct Through {
    /// The registry's digest of the image; none of one that was not pushed.
    digest: Option<String>,
    /// Whether the host has confirmed that the image is gone.
    purged: bool,
    /// Held until the build's end, which gives back its row.
    turn: Option<Turn>,
}

/// How the stages went.
enum Went {
    Well(Through),
    Wrong(Failure),
    BrokenOff(Interrupt),
}

/// Claims the next build for which a host is free. `None` when there is nothing to do.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn claim_one(worker: &Worker) -> Result<Option<Claimed>, StoreError> {
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
        let waited = (now - claimed.created_at).as_seconds_f64();
        metrics::histogram!("slipway_build_wait_seconds").record(waited.max(0.0));
    }
    Ok(claimed)
}

/// Runs a claimed build to its end.
pub(crate) async fn run_claimed(worker: &Worker, claimed: Claimed) {
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
        exported: CancellationToken::new(),
    };
    let went = tokio::select! {
        biased;
        interrupt = heartbeat.interrupted() => Went::BrokenOff(interrupt),
        result = run.stages() => match result {
            Ok(through) => Went::Well(through),
            Err(Broken::Failed(failure)) => Went::Wrong(failure.at(run.log.stage())),
            Err(Broken::LeaseLost) => Went::BrokenOff(Interrupt::LeaseLost),
        },
        never = run.tell_of_the_claim() => match never {},
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
    /// Tells of the claim, unless what comes after it was told meanwhile. Never returns.
    async fn tell_of_the_claim(&self) -> Infallible {
        tokio::time::sleep(CLAIM_TOLD).await;
        if self.log.stage() == Stage::Preparing {
            self.worker.queue.tell(News::Happened(self.lease.build()));
        }
        std::future::pending().await
    }

    /// All stages in order.
    async fn stages(&self) -> Result<Through, Broken> {
        for line in &self.spec.log_opening {
            self.log.say(line).await?;
        }
        if let Source::Image { image, all_platforms: true } = &self.spec.source {
            let Pushed { digest, turn } = self.copy(image).await?;
            self.enter(Stage::Purging, Some(digest.clone())).await?;
            return Ok(Through { digest: Some(digest), purged: true, turn: Some(turn) });
        }
        let turn = self.build_and_ask_for_turn().await?;
        if !self.spec.push {
            let turn = Some(self.keep(turn).await?);
            return Ok(Through { digest: None, purged: true, turn });
        }
        let Pushed { digest, turn } = self.push(turn).await?;
        // The host does not wait for the row. Were this to end here, with the names gone and
        // the digest not written, the build would be built again as if it had ended before.
        let (entered, purged) =
            tokio::join!(self.enter(Stage::Purging, Some(digest.clone())), self.purge_pushed());
        entered?;
        Ok(Through { digest: Some(digest), purged, turn: Some(turn) })
    }

    /// Moves the row on, after everything that was logged before.
    async fn enter(&self, stage: Stage, digest: Option<String>) -> Result<(), Broken> {
        self.log.advance(stage, digest).await??;
        self.watch.entered(stage);
        Ok(())
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
