//! Steps of a build from one state to the next.
//!
//! All of them pass through [`step`], which asks the domain whether the step is allowed
//! and repeats the answer in the UPDATE: `WHERE status = … AND attempt = …`. For the claim, and from
//! stage to stage, there is a shorter way, which does the same in one walk; see
//! [`claim`](super::claim) and [`advance`](super::advance).

use chrono::{DateTime, Utc};
use slipway_domain::{Attempt, BuildId, BuildState, EventBody, Failure, HostName, Outcome};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::row::parse_state;
use crate::db::{Tx, write};
use crate::walk::{Walk, next_place, walk};
use crate::{Lease, StoreError, events};

/// What a row says before a step.
#[derive(FromRow)]
struct CurrentRow {
    id: Uuid,
    status: String,
    attempt: i32,
    losses: i32,
    host: Option<String>,
    digest: Option<String>,
    cancel_requested_at: Option<DateTime<Utc>>,
    queue_seconds: Option<i32>,
    give_up_at: Option<DateTime<Utc>>,
    superseded_by: Option<Uuid>,
}

/// What a row says before a step.
pub(super) struct Current {
    pub(super) id: BuildId,
    pub(super) state: BuildState,
    pub(super) attempt: Attempt,
    pub(super) losses: u32,
    pub(super) host: Option<HostName>,
    pub(super) digest: Option<String>,
    pub(super) cancel_requested: bool,
    pub(super) queue_seconds: Option<i32>,
    pub(super) give_up_at: Option<DateTime<Utc>>,
    pub(super) superseded_by: Option<BuildId>,
}

/// What else changes with a step.
#[derive(Default)]
pub(super) struct Change {
    pub(super) note: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) failure: Option<Failure>,
    /// The host has confirmed that no image of the attempt is left on it.
    pub(super) purged: bool,
}

/// Reads a build that is held under `lease`, and locks its row until the transaction is over.
pub(super) async fn held(tx: &mut Tx, lease: &Lease) -> Result<Current, StoreError> {
    current(tx, lease.build)
        .await?
        .filter(|row| row.attempt == lease.attempt && matches!(row.state, BuildState::Running(_)))
        .ok_or(StoreError::LeaseLost(lease.build))
}

/// Reads a build's row, and locks it until the transaction is over.
pub(super) async fn current(tx: &mut Tx, id: BuildId) -> Result<Option<Current>, StoreError> {
    let sql = format!(
        "SELECT id, status, attempt, losses, host, digest, cancel_requested_at, queue_seconds, \
         give_up_at, superseded_by FROM builds WHERE id = $1{}",
        tx.for_update()
    );
    let row: Option<CurrentRow> = write!(*tx, connection => sqlx::query_as(AssertSqlSafe(sql))
        .bind(id.as_uuid())
        .fetch_optional(connection)
        .await)?;
    row.map(|row| {
        Ok(Current {
            id,
            state: parse_state(row.id, &row.status)?,
            attempt: Attempt(row.attempt),
            losses: u32::try_from(row.losses).unwrap_or(0),
            host: row.host.and_then(|name| HostName::parse(&name).ok()),
            digest: row.digest,
            cancel_requested: row.cancel_requested_at.is_some(),
            queue_seconds: row.queue_seconds,
            give_up_at: row.give_up_at,
            superseded_by: row.superseded_by.map(BuildId::from_uuid),
        })
    })
    .transpose()
}

/// When each stage was entered: `$4` is the word of the next state, `$5` the time. A macro, because
/// a part of a statement has to be a literal.
macro_rules! entered {
    () => {
        "building_at = CASE $4 WHEN 'building' THEN $5 ELSE building_at END, \
         pushing_at = CASE $4 WHEN 'pushing' THEN $5 ELSE pushing_at END, \
         purging_at = CASE $4 WHEN 'purging' THEN $5 ELSE purging_at END, "
    };
}
pub(super) use entered;

/// The one way from a state to the next, with the event that tells of it. What belongs to whoever
/// holds a build goes when it is held no more, and its secrets when it is over.
pub(super) async fn step(
    tx: &mut Tx,
    current: &Current,
    to: BuildState,
    change: Change,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const WALK: Walk = walk!(
        concat!(
            "UPDATE builds SET status = $4, last_seq = last_seq + 1, place = ",
            next_place!(),
            ", ",
            entered!(),
            "finished_at = CASE WHEN $6 THEN $5 ELSE NULL END, \
             digest = COALESCE($7, digest), failure = COALESCE($8, failure) \
             WHERE id = $1 AND status = $2 AND attempt = $3 \
             RETURNING id, attempt, last_seq, project, place"
        ),
        "event": "INSERT INTO events (build, seq, at, attempt, body, project, place) \
         SELECT id, last_seq, $5, attempt, $9, project, place FROM moved";
        "lease": "DELETE FROM leases WHERE $10 AND build IN (SELECT id FROM moved)",
        "turn": "DELETE FROM push_turns WHERE $10 AND build IN (SELECT id FROM moved)",
        "image": "DELETE FROM images_on_hosts WHERE $11 AND build IN (SELECT id FROM moved) \
         AND attempt = $3",
        "secrets": "DELETE FROM sealed_secrets WHERE $6 AND build IN (SELECT id FROM moved)",
    );
    if !current.state.may_become(to) {
        return Err(StoreError::LeaseLost(current.id));
    }
    // Words and strings: this cannot fail to serialise.
    let failure_json =
        change.failure.as_ref().map(|f| serde_json::to_string(f).unwrap_or_default());
    let digest = change.digest.as_ref().or(current.digest.as_ref());
    let event = EventBody::State {
        status: to,
        host: current.host.clone(),
        note: change.note,
        digest: digest.filter(|_| to == BuildState::Finished(Outcome::Succeeded)).cloned(),
        failure: change.failure,
    };
    let text = WALK.text(tx);
    let moved: Vec<(Uuid, i32, i64)> = write!(*tx, connection => sqlx::query_as(text)
        .bind(current.id.as_uuid())
        .bind(current.state.as_str())
        .bind(current.attempt.0)
        .bind(to.as_str())
        .bind(now)
        .bind(to.is_finished())
        .bind(change.digest)
        .bind(failure_json)
        .bind(events::as_text(&event))
        .bind(!matches!(to, BuildState::Running(_)))
        .bind(change.purged)
        .fetch_all(connection)
        .await)?;
    if moved.is_empty() { Err(StoreError::LeaseLost(current.id)) } else { Ok(()) }
}
