//! What is known of a build's row before it is written, and what only the row knows then.

use std::time::Duration;

use chrono::{DateTime, Utc};
use slipway_domain::{Attempt, BuildId, BuildState, EventBody};
use sqlx::FromRow;
use uuid::Uuid;

use super::give_up::give_up_at;
use super::row::Timings;
use super::{Build, Submission};
use crate::{events, outbox};

/// What is known of a row before it is written.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) id: Uuid,
    pub(super) project: String,
    pub(super) image: String,
    pub(super) repository: String,
    pub(super) platform: Option<String>,
    pub(super) spec: String,
    pub(super) retry_of: Option<Uuid>,
    pub(super) at: DateTime<Utc>,
    pub(super) priority: i32,
    pub(super) queue_seconds: Option<i32>,
    pub(super) give_up_at: Option<DateTime<Utc>>,
    pub(super) traceparent: Option<String>,
    pub(super) bell: Uuid,
}

impl Given {
    pub(super) fn of(submission: &Submission<'_>, now: DateTime<Utc>) -> Self {
        let spec = submission.spec;
        let asked = spec.queue_timeout_seconds.map(|seconds| Duration::from_secs(seconds.into()));
        let queue_seconds = asked
            .or(submission.queue_timeout)
            .map(|timeout| i32::try_from(timeout.as_secs()).unwrap_or(i32::MAX));
        Self {
            id: submission.id.as_uuid(),
            project: spec.project.as_str().to_owned(),
            image: spec.image.to_string(),
            repository: spec.image.repository(),
            platform: spec.platform.as_ref().map(|platform| platform.as_str().to_owned()),
            // Words, numbers and maps of strings: this cannot fail to serialise.
            spec: serde_json::to_string(spec).unwrap_or_default(),
            retry_of: submission.retry_of.map(BuildId::as_uuid),
            at: now,
            priority: i32::from(spec.priority),
            queue_seconds,
            give_up_at: give_up_at(queue_seconds, now),
            traceparent: submission.traceparent.map(str::to_owned),
            bell: outbox::new_id(),
        }
    }
}

/// What only the row knows once it is written.
#[derive(Debug, Clone, Copy, FromRow)]
pub(super) struct Placed {
    pub(super) id: Uuid,
    attempt: i32,
    last_seq: i64,
    round: i64,
}

impl Placed {
    pub(super) fn build(&self, submission: &Submission<'_>, now: DateTime<Utc>) -> Build {
        Build {
            id: submission.id,
            spec: submission.spec.clone(),
            state: BuildState::Queued,
            attempt: Attempt(self.attempt),
            losses: 0,
            host: None,
            not_before: now,
            cancel_requested_at: None,
            created_at: now,
            timings: Timings::default(),
            digest: None,
            failure: None,
            retry_of: submission.retry_of,
            had_secrets: !submission.secrets.is_empty(),
            last_seq: self.last_seq,
            round: self.round,
            obstacle: None,
            superseded_by: None,
            source_commit: None,
        }
    }
}

/// That it is in line.
pub(super) fn first_event() -> String {
    events::as_text(&EventBody::State {
        status: BuildState::Queued,
        host: None,
        note: None,
        digest: None,
        failure: None,
    })
}
