//! A build goes on from stage to stage.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildState, EventBody, Stage};
use sqlx::PgConnection;

use super::transition::{Change, entered, held, step};
use crate::db::answered;
use crate::walk::next_place;
use crate::{Lease, Store, StoreError, events};

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
    let mut single = store.single().await?;
    let tx = match single.postgres() {
        Some(connection) => {
            if straight(connection, lease, said, to, digest, now).await? {
                return Ok(());
            }
            None
        }
        None => Some(single),
    };
    let mut tx = match tx {
        Some(tx) => tx,
        // Nothing moved, and the row says why.
        None => store.begin().await?,
    };
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

/// The step and what was said before it in one walk, for which nothing of the row has to be known;
/// SQLite knows no arrays. Says whether there was a row to move.
async fn straight(
    connection: &mut PgConnection,
    lease: &Lease,
    said: &[EventBody],
    to: Stage,
    digest: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = concat!(
        "WITH moved AS (UPDATE builds SET status = $4, ",
        entered!(),
        "last_seq = last_seq + $6, digest = COALESCE($7, digest), place = ",
        next_place!(),
        " WHERE id = $1 AND attempt = $2 AND status = ANY($3) \
         RETURNING id, attempt, last_seq, project, place) \
         INSERT INTO events (build, seq, at, attempt, body, project, place) \
         SELECT id, last_seq - $6 + nth, $5, attempt, said, ",
        events::project_and_place!(),
        " FROM moved, unnest($8::text[], $9::boolean[]) WITH ORDINALITY \
         AS texts (said, is_output, nth)"
    );
    let to = BuildState::Running(to);
    let from: Vec<&str> = BuildState::ALL
        .into_iter()
        .filter(|state| matches!(state, BuildState::Running(_)) && state.may_become(to))
        .map(BuildState::as_str)
        .collect();
    let entered = EventBody::State {
        status: to,
        host: Some(lease.host.clone()),
        note: None,
        digest: None,
        failure: None,
    };
    let texts: Vec<String> = said.iter().chain([&entered]).map(events::as_text).collect();
    let written = answered(
        sqlx::query(SQL)
            .bind(lease.build.as_uuid())
            .bind(lease.attempt.0)
            .bind(from)
            .bind(to.as_str())
            .bind(now)
            .bind(i64::try_from(texts.len()).unwrap_or(i64::MAX))
            .bind(digest)
            .bind(&texts)
            .bind(events::are_output(&texts))
            .execute(connection),
    )
    .await?;
    Ok(written.rows_affected() > 0)
}
