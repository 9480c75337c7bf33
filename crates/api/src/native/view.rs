//! Rows as they are shown.

use chrono::{DateTime, Utc};
use slipway_api_types::{
    BuildLinks, BuildView, FailureView, HostView, ProjectView, Status, TimingsView, UploadView,
    WaitingView,
};
use slipway_domain::{BuildState, Failure, Platform};
use slipway_store::builds::{Build, Waiting};
use slipway_store::hosts::Host;
use slipway_store::projects::ProjectState;
use slipway_store::uploads::Upload;

/// A build, with the reason why it waits where that was asked for.
pub(super) fn build(build: Build, waiting: Option<Waiting>) -> BuildView {
    let this = location(&build);
    BuildView {
        id: build.id.as_uuid(),
        status: Status::from(build.state),
        image: build.spec.image.to_string(),
        project: build.spec.project.to_string(),
        source: super::source::view(&build),
        attempt: build.attempt.0,
        host: build.host.as_ref().map(ToString::to_string),
        timings: timings(&build),
        digest: build.digest,
        failure: build.failure.map(failure),
        waiting: waiting.map(self::waiting),
        cancel_requested: build.cancel_requested_at.is_some(),
        retry_of: build.retry_of.map(slipway_domain::BuildId::as_uuid),
        priority: build.spec.priority,
        supersede_key: build.spec.supersede_key,
        superseded_by: build.superseded_by.map(slipway_domain::BuildId::as_uuid),
        metadata: build.spec.metadata,
        last_seq: build.last_seq,
        links: BuildLinks { logs: format!("{this}/logs"), events: format!("{this}/events"), this },
    }
}

/// Why a build waits.
pub(super) fn waiting(waiting: Waiting) -> WaitingView {
    WaitingView { reason: waiting.reason, position: waiting.position, since: waiting.since }
}

/// The same as a line of JSON among events.
pub(super) fn waiting_frame(waiting: &Waiting) -> String {
    let Waiting { reason, position, since } = waiting;
    serde_json::json!({
        "kind": "waiting", "reason": reason, "position": position, "since": since,
    })
    .to_string()
}

/// The path of a build.
pub(super) fn location(build: &Build) -> String {
    format!("/api/v2/builds/{}", build.id)
}

/// A host.
pub(super) fn host(host: Host) -> HostView {
    HostView {
        name: host.name.to_string(),
        slots: host.slots,
        running: host.running,
        platform: host.platform.as_ref().map(Platform::to_string),
        builder: host.builder,
        drained: host.drained,
        problem: host.problem,
        probed_at: host.probed_at,
    }
}

/// A project.
pub(super) fn project(project: ProjectState) -> ProjectView {
    let ProjectState { name, max_running, own_limit, running } = project;
    ProjectView { name, max_running, own_limit, running }
}

/// An upload.
pub(super) fn upload(upload: Upload) -> UploadView {
    let Upload { id, project, size_bytes, sha256, .. } = upload;
    UploadView { id: id.as_uuid(), project: project.to_string(), size: size_bytes, sha256 }
}

fn failure(failure: Failure) -> FailureView {
    FailureView {
        fault: failure.fault(),
        reason: failure.reason,
        stage: failure.stage,
        message: failure.message,
        hint: failure.hint,
    }
}

/// A stage lasts until the next one that was entered; the one that still goes on has no
/// duration yet.
fn timings(build: &Build) -> TimingsView {
    let t = build.timings;
    let entered = [t.preparing_at, t.building_at, t.pushing_at, t.purging_at, t.finished_at];
    let lasted = |stage: usize| {
        let began = entered.get(stage).copied().flatten()?;
        let ended = entered.iter().skip(stage + 1).copied().flatten().next()?;
        Some(between(began, ended))
    };
    // A build that was handed back keeps the times of the attempt that came to nothing.
    let claimed = t.preparing_at.filter(|_| build.state != BuildState::Queued);
    TimingsView {
        created_at: build.created_at,
        preparing_at: t.preparing_at,
        building_at: t.building_at,
        pushing_at: t.pushing_at,
        purging_at: t.purging_at,
        finished_at: t.finished_at,
        queued_ms: claimed.or(t.finished_at).map(|end| between(build.created_at, end)),
        preparing_ms: lasted(0),
        building_ms: lasted(1),
        pushing_ms: lasted(2),
        purging_ms: lasted(3),
        total_ms: t.finished_at.map(|end| between(build.created_at, end)),
    }
}

fn between(began: DateTime<Utc>, ended: DateTime<Utc>) -> i64 {
    (ended - began).num_milliseconds()
}
