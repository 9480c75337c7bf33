//! A build as it stands, and how a row becomes one.

use chrono::{DateTime, Utc};
use slipway_domain::{Attempt, BuildId, BuildSpec, BuildState, Failure, HostName};
use sqlx::FromRow;
use uuid::Uuid;

use crate::StoreError;

/// A build as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Build {
    /// Its id.
    pub id: BuildId,
    /// What was asked for.
    pub spec: BuildSpec,
    /// Where it stands.
    pub state: BuildState,
    /// The latest attempt; 0 before the first claim.
    pub attempt: Attempt,
    /// How often an attempt came to nothing through no fault of the build.
    pub losses: u32,
    /// The host of the latest attempt.
    pub host: Option<HostName>,
    /// Not to be claimed before.
    pub not_before: DateTime<Utc>,
    /// When somebody asked for it to stop.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When the latest attempt entered each stage.
    pub timings: Timings,
    /// The registry's digest of the image.
    pub digest: Option<String>,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
    /// The build that this one repeats.
    pub retry_of: Option<BuildId>,
    /// Whether logins came with it. They are gone once it is over.
    pub had_secrets: bool,
    /// The number of its latest event.
    pub last_seq: i64,
    /// Its round in the line of its priority, see [`claim`](super::claim).
    pub round: i64,
    /// Why the last worker that wanted it could not take it.
    pub obstacle: Option<String>,
    /// The newer build that took its place.
    pub superseded_by: Option<BuildId>,
    /// The commit that its source came to, once that is known.
    pub source_commit: Option<String>,
}

/// When the latest attempt entered each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromRow)]
pub struct Timings {
    /// Claimed, and its context on the way.
    pub preparing_at: Option<DateTime<Utc>>,
    /// The engine runs the Dockerfile.
    pub building_at: Option<DateTime<Utc>>,
    /// The image travels to the registry.
    pub pushing_at: Option<DateTime<Utc>>,
    /// The image is taken off the host.
    pub purging_at: Option<DateTime<Utc>>,
    /// Over.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The columns of a [`Row`], for the SELECT and RETURNING of every query that makes one.
macro_rules! build_columns {
    () => {
        "id, spec, status, attempt, losses, host, not_before, cancel_requested_at, created_at, \
         preparing_at, building_at, pushing_at, purging_at, finished_at, digest, failure, \
         retry_of, had_secrets, last_seq, round, obstacle, superseded_by, \
         source_commit"
    };
}
pub(super) use build_columns;

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    spec: String,
    status: String,
    attempt: i32,
    losses: i32,
    host: Option<String>,
    not_before: DateTime<Utc>,
    cancel_requested_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    #[sqlx(flatten)]
    timings: Timings,
    digest: Option<String>,
    failure: Option<String>,
    retry_of: Option<Uuid>,
    had_secrets: bool,
    last_seq: i64,
    round: i64,
    obstacle: Option<String>,
    superseded_by: Option<Uuid>,
    source_commit: Option<String>,
}

impl TryFrom<Row> for Build {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unreadable = |column| StoreError::unreadable("builds", column, row.id);
        let spec = serde_json::from_str(&row.spec).map_err(|_| unreadable("spec"))?;
        let failure = row.failure.as_deref().map(serde_json::from_str).transpose();
        let failure = failure.map_err(|_| unreadable("failure"))?;
        let host =
            row.host.as_deref().map(HostName::parse).transpose().map_err(|_| unreadable("host"))?;
        Ok(Self {
            id: BuildId::from_uuid(row.id),
            spec,
            state: parse_state(row.id, &row.status)?,
            attempt: Attempt(row.attempt),
            losses: u32::try_from(row.losses).unwrap_or(0),
            host,
            not_before: row.not_before,
            cancel_requested_at: row.cancel_requested_at,
            created_at: row.created_at,
            timings: row.timings,
            digest: row.digest,
            failure,
            retry_of: row.retry_of.map(BuildId::from_uuid),
            had_secrets: row.had_secrets,
            last_seq: row.last_seq,
            round: row.round,
            obstacle: row.obstacle,
            superseded_by: row.superseded_by.map(BuildId::from_uuid),
            source_commit: row.source_commit,
        })
    }
}

pub(super) fn parse_state(id: Uuid, word: &str) -> Result<BuildState, StoreError> {
    word.parse().map_err(|_| StoreError::unreadable("builds", "status", id))
}
