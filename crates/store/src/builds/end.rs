//! A build is over.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildState, Failure, Outcome};

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
