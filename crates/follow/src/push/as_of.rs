//! A build as it was when something happened.
//!
//! A follower is told late, and perhaps twice. What it is told must be true of the event that
//! it is told of, and the same each time.

use slipway_domain::{BuildState, Event, EventBody, Stage};
use slipway_store::builds::{Build, Timings};

/// `build` as it was right after `event`, which is a change of its state.
pub(super) fn as_of(build: &Build, event: &Event) -> Build {
    let mut then = build.clone();
    let EventBody::State { status, host, digest, failure, .. } = &event.body else { return then };
    let is_over = status.is_finished();
    // The digest is known from the end of the push on.
    let knows_digest = match status {
        BuildState::Queued => false,
        BuildState::Running(Stage::Purging) | BuildState::Finished(_) => true,
        BuildState::Running(Stage::Preparing | Stage::Building | Stage::Pushing) => false,
    };
    then.state = *status;
    then.attempt = event.attempt;
    then.last_seq = event.seq;
    then.host = host.clone();
    then.digest = digest.clone().or(then.digest.filter(|_| knows_digest));
    then.failure = failure.clone().or(then.failure.filter(|_| is_over));
    then.superseded_by = then.superseded_by.filter(|_| is_over);
    then.cancel_requested_at = then.cancel_requested_at.filter(|at| *at <= event.at);
    let by_then = |at: Option<chrono::DateTime<chrono::Utc>>| at.filter(|at| *at <= event.at);
    then.timings = Timings {
        preparing_at: by_then(then.timings.preparing_at),
        building_at: by_then(then.timings.building_at),
        pushing_at: by_then(then.timings.pushing_at),
        purging_at: by_then(then.timings.purging_at),
        finished_at: by_then(then.timings.finished_at).filter(|_| is_over),
    };
    then
}
