//! Steps of a build from one state to the next.
//!
//! All of them pass through [`step`], which asks the domain whether the step is allowed
//! and repeats the answer in the UPDATE: `WHERE status = … AND attempt = …`.

use chrono::{DateTime, Utc};
use slipway_domain::{
    Attempt, BuildId, BuildState, EventBody, Failure, HostName, Outcome, Reason, Stage,
};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::give_up::give_up_at;
use super::row::parse_state;
use crate::db::{Tx, write};
use crate::walk::{Walk, together, walk};
use crate::{Lease, Store, StoreError, events, outbox};

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

/// On what terms a build goes back into line.
#[derive(Debug, Clone)]
pub struct HandBack {
    /// What happened, for the followers.
    pub note: String,
    /// The failure that it is, where this counts against `max_attempts`: the build ends
    /// with it once that many attempts are lost. `None` for an orderly hand-back.
    pub loss: Option<Failure>,
    /// How often a build may be lost.
    pub max_attempts: u32,
    /// Not to be claimed before.
    pub not_before: DateTime<Utc>,
}

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
}

/// Moves a running build to its next stage. `digest` is given once the registry has the
/// image: from then on the build cannot be lost any more, whatever happens to the worker.
///
/// # Errors
/// [`StoreError::LeaseLost`] when somebody else holds the build now, or it is over.
pub async fn advance(
    store: &Store,
    lease: &Lease,
    to: Stage,
    digest: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    advance_after(store, lease, &[], to, digest, now).await
}

/// [`advance`], after what the build's steps and output said last: one transaction for
/// both, because a build waits for each that it makes.
///
/// # Errors
/// [`StoreError::LeaseLost`] when somebody else holds the build now, or it is over.
pub async fn advance_after(
    store: &Store,
    lease: &Lease,
    said: &[EventBody],
    to: Stage,
    digest: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let current = held(&mut tx, lease).await?;
    // An attempt enters each stage once, so this is the second try of a step whose commit
    // went through and whose answer was lost.
    if current.state == BuildState::Running(to) {
        return Ok(());
    }
    if !said.is_empty() {
        events::append_in(&mut tx, lease, now, said).await?;
    }
    let change = Change { digest: digest.map(str::to_owned), ..Change::default() };
    step(&mut tx, &current, BuildState::Running(to), change, now).await?;
    tx.commit().await
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
    let mut tx = store.begin().await?;
    let current = held(&mut tx, lease).await?;
    end(&mut tx, &current, ending, now).await?;
    if purged {
        forget_image(&mut tx, lease).await?;
    }
    tx.commit().await
}

/// Puts a held build back into line, or ends it where it was lost too often. Says where
/// it stands then.
///
/// # Errors
/// [`StoreError::LeaseLost`] when somebody else holds the build now, or it is over.
pub async fn hand_back(
    store: &Store,
    lease: &Lease,
    terms: HandBack,
    purged: bool,
    now: DateTime<Utc>,
) -> Result<BuildState, StoreError> {
    let mut tx = store.begin().await?;
    let current = held(&mut tx, lease).await?;
    let state = back_in_line(&mut tx, &current, terms, now).await?;
    if purged {
        forget_image(&mut tx, lease).await?;
    }
    tx.commit().await?;
    Ok(state)
}

/// Puts a build back into line on the terms given, unless its row says that it should
/// rather end.
pub(super) async fn back_in_line(
    tx: &mut Tx,
    current: &Current,
    terms: HandBack,
    now: DateTime<Utc>,
) -> Result<BuildState, StoreError> {
    if current.state == BuildState::Running(Stage::Purging) && current.digest.is_some() {
        // The registry has it: building again would be work done twice.
        return end(tx, current, Ending::Succeeded, now).await;
    }
    if current.cancel_requested {
        return end(tx, current, Ending::Cancelled, now).await;
    }
    let losses = current.losses + u32::from(terms.loss.is_some());
    if let Some(failure) = terms.loss.filter(|_| losses >= terms.max_attempts) {
        return end(tx, current, Ending::Failed(exhausted(failure, losses)), now).await;
    }
    const CLEAR: Walk = together!(
        "lease": "DELETE FROM leases WHERE build = $1";
        "DELETE FROM push_turns WHERE build = $1"
    );
    let change = Change { note: Some(terms.note), ..Change::default() };
    step(tx, current, BuildState::Queued, change, now).await?;
    const SQL: &str =
        "UPDATE builds SET losses = $2, not_before = $3, give_up_at = $4 WHERE id = $1";
    write!(*tx, connection => sqlx::query(SQL)
        .bind(current.id.as_uuid())
        .bind(i32::try_from(losses).unwrap_or(i32::MAX))
        .bind(terms.not_before)
        .bind(give_up_at(current.queue_seconds, now))
        .execute(connection)
        .await
        .map(drop))?;
    clear(tx, &CLEAR, current.id).await?;
    outbox::insert(tx, current.id, now).await?;
    Ok(BuildState::Queued)
}

/// Ends a build: outcome, event, and the erasing of its secrets, together.
pub(super) async fn end(
    tx: &mut Tx,
    current: &Current,
    ending: Ending,
    now: DateTime<Utc>,
) -> Result<BuildState, StoreError> {
    const CLEAR: Walk = together!(
        "lease": "DELETE FROM leases WHERE build = $1",
        "turn": "DELETE FROM push_turns WHERE build = $1";
        "DELETE FROM sealed_secrets WHERE build = $1"
    );
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
    step(tx, current, state, Change { failure, note, ..Change::default() }, now).await?;
    // Every end passes here. One whose commit fails is counted again when it is repeated.
    metrics::counter!("slipway_builds_finished_total", "outcome" => state.as_str(), "fault" => fault)
        .increment(1);
    clear(tx, &CLEAR, current.id).await?;
    Ok(state)
}

/// Reads and locks a build that is held under `lease`.
async fn held(tx: &mut Tx, lease: &Lease) -> Result<Current, StoreError> {
    current(tx, lease.build)
        .await?
        .filter(|row| row.attempt == lease.attempt && matches!(row.state, BuildState::Running(_)))
        .ok_or(StoreError::LeaseLost(lease.build))
}

/// Reads and locks a build's row.
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

/// The one way from a state to the next, with the event that tells of it.
pub(super) async fn step(
    tx: &mut Tx,
    current: &Current,
    to: BuildState,
    change: Change,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    const WALK: Walk = walk!(
        "UPDATE builds SET status = $4, last_seq = last_seq + 1, \
         building_at = CASE $4 WHEN 'building' THEN $5 ELSE building_at END, \
         pushing_at = CASE $4 WHEN 'pushing' THEN $5 ELSE pushing_at END, \
         purging_at = CASE $4 WHEN 'purging' THEN $5 ELSE purging_at END, \
         finished_at = CASE WHEN $6 THEN $5 ELSE NULL END, \
         digest = COALESCE($7, digest), failure = COALESCE($8, failure) \
         WHERE id = $1 AND status = $2 AND attempt = $3 RETURNING id, attempt, last_seq",
        "event": "INSERT INTO events (build, seq, at, attempt, body) \
         SELECT id, last_seq, $5, attempt, $9 FROM moved",
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
        .fetch_all(connection)
        .await)?;
    if moved.is_empty() { Err(StoreError::LeaseLost(current.id)) } else { Ok(()) }
}

/// Deletes what belongs to a build that is held no more.
async fn clear(tx: &mut Tx, walk: &Walk, build: BuildId) -> Result<(), StoreError> {
    let text = walk.text(tx);
    write!(*tx, connection => sqlx::query(text)
        .bind(build.as_uuid())
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}

async fn forget_image(tx: &mut Tx, lease: &Lease) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM images_on_hosts WHERE build = $1 AND attempt = $2";
    write!(*tx, connection => sqlx::query(SQL)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}

/// The failure of a build that was lost as often as it may be.
fn exhausted(last: Failure, losses: u32) -> Failure {
    if last.reason == Reason::AttemptsExhausted {
        let message = format!("{} ({losses} attempts)", last.message);
        return Failure { message, ..last };
    }
    Failure { message: format!("{}, in {losses} attempts", last.message), ..last }
}
