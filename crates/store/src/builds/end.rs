//! A build is over.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildState, Failure, Outcome, Stage};

use super::transition::{Change, Current, held, step};
use crate::db::Tx;
use crate::{Lease, Store, StoreError};

/// How a build ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The image is where it was asked to be.
    Succeeded,
    /// It could not be done.
    Failed(Failure),
    /// A stage outlasted its time.
    TimedOut(Failure),
    /// Somebody asked for it to stop, and it has stopped.
    Cancelled,
}

/// Ends a build that is held under `lease`. `purged` says that the host has confirmed
/// that no image of the attempt is left on it.
///
/// # Errors
/// [`StoreError::LeaseLost`] when somebody else holds the build now, or it is over.
pub async fn finish(
    store: &Store,
    lease: &Lease,
    ending: Ending,
    purged: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = store.single().await?;
    // What is read here is not locked on PostgreSQL. The end repeats it, and nothing else in the
    // row changes how a build ends whose holder wants it to end so.
    let current = held(&mut tx, lease).await?;
    end(&mut tx, &current, ending, purged, now).await?;
    tx.commit().await
}

/// [`finish`] of a build that ran through, in one walk, by what its holder wrote to the row before:
/// the `stage` that it is in, and the `digest`. Where it is in another stage, the row is read.
///
/// # Errors
/// As [`finish`].
pub async fn succeed(
    store: &Store,
    lease: &Lease,
    stage: Stage,
    digest: Option<&str>,
    purged: bool,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let known = Current {
        id: lease.build,
        state: BuildState::Running(stage),
        attempt: lease.attempt,
        losses: 0,
        host: Some(lease.host.clone()),
        digest: digest.map(str::to_owned),
        cancel_requested: false,
        queue_seconds: None,
        give_up_at: None,
        superseded_by: None,
    };
    let mut tx = store.single().await?;
    match end(&mut tx, &known, Ending::Succeeded, purged, now).await {
        Ok(_) => tx.commit().await,
        Err(StoreError::LeaseLost(_)) => {
            drop(tx);
            finish(store, lease, Ending::Succeeded, purged, now).await
        }
        Err(error) => Err(error),
    }
}

/// Ends a build: outcome, event, and the erasing of its secrets, together. `purged` as for [`finish`].
pub(super) async fn end(
    tx: &mut Tx,
    current: &Current,
    ending: Ending,
    purged: bool,
    now: DateTime<Utc>,
) -> Result<BuildState, StoreError> {
    let (outcome, failure) = match ending {
        Ending::Succeeded => (Outcome::Succeeded, None),
        Ending::Failed(failure) => (Outcome::Failed, Some(failure)),
        Ending::TimedOut(failure) => (Outcome::TimedOut, Some(failure)),
        Ending::Cancelled => (Outcome::Cancelled, None),
    };
    let state = BuildState::Finished(outcome);
    let fault = failure.as_ref().map_or("none", |failure| failure.fault().as_str());
    let by = current.superseded_by.filter(|_| outcome == Outcome::Cancelled);
    let note = by.map(|newer| format!("superseded by build {newer}"));
    step(tx, current, state, Change { failure, note, purged, digest: None }, now).await?;
    // Every end passes here. One whose commit fails is counted again when it is repeated.
    metrics::counter!("slipway_builds_finished_total", "outcome" => state.as_str(), "fault" => fault)
        .increment(1);
    Ok(state)
}
