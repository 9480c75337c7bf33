//! What is said is written once, under the next numbers.

use chrono::{DateTime, Utc};
use slipway_domain::EventBody;
use sqlx::{FromRow, PgConnection, QueryBuilder};

use super::as_text;
use crate::db::{Tx, answered, write};
use crate::walk::next_place;
use crate::{Lease, Store, StoreError};

/// What a batch got when its numbers were given out.
#[derive(FromRow)]
struct Numbered {
    /// That of its last event.
    last_seq: i64,
    project: String,
    place: i64,
}

/// Writes what a running build's steps and output said. Either all or nothing is written, and
/// once: whoever got no answer may try again with the same time, which stands for the batch.
///
/// # Errors
/// [`StoreError::LeaseLost`] when somebody else holds the build now, or it is over.
pub async fn append(
    store: &Store,
    lease: &Lease,
    now: DateTime<Utc>,
    bodies: &[EventBody],
) -> Result<(), StoreError> {
    if bodies.is_empty() {
        return Ok(());
    }
    let mut tx = store.single().await?;
    append_in(&mut tx, lease, now, bodies).await?;
    tx.commit().await
}

/// [`append`], as a part of something larger.
pub(crate) async fn append_in(
    tx: &mut Tx,
    lease: &Lease,
    now: DateTime<Utc>,
    bodies: &[EventBody],
) -> Result<(), StoreError> {
    let texts: Vec<String> = bodies.iter().map(as_text).collect();
    if texts.is_empty() {
        return Ok(());
    }
    let appended = match tx.postgres() {
        Some(connection) => append_together(connection, lease, now, &texts).await?,
        None => append_numbered(tx, lease, now, texts).await?,
    };
    if appended || is_last(tx, lease, now).await? {
        return Ok(());
    }
    Err(StoreError::LeaseLost(lease.build))
}

/// Gives out numbers to `$3` events, unless they were written before. A macro, because a part of
/// a statement has to be a literal.
macro_rules! number {
    ($place:expr, $answer:literal) => {
        concat!(
            "UPDATE builds SET last_seq = last_seq + $3, appended_at = $4",
            $place,
            " WHERE id = $1 AND attempt = $2 \
             AND status IN ('preparing', 'building', 'pushing', 'purging') \
             AND appended_at IS DISTINCT FROM $4 RETURNING ",
            $answer
        )
    };
}

/// [`number!`], for what has a place in the stream of the project.
macro_rules! number_and_place {
    () => {
        number!(concat!(", place = ", next_place!()), "id, attempt, last_seq, project, place")
    };
}

/// Where an event of a build that moved is found by its project; nowhere where it is output.
macro_rules! project_and_place {
    () => {
        "CASE WHEN is_output THEN NULL ELSE project END, \
         CASE WHEN is_output THEN NULL ELSE place END"
    };
}
pub(crate) use project_and_place;

/// In one walk; SQLite knows no arrays. Says whether they were written.
async fn append_together(
    connection: &mut PgConnection,
    lease: &Lease,
    now: DateTime<Utc>,
    texts: &[String],
) -> Result<bool, StoreError> {
    // Most of what is written is output and nothing else, which has no place to be found.
    const OUTPUT: &str = concat!(
        "WITH moved AS (",
        number!("", "id, attempt, last_seq"),
        ") INSERT INTO events (build, seq, at, attempt, body) \
         SELECT id, last_seq - $3 + nth, $4, attempt, said \
         FROM moved, unnest($5::text[]) WITH ORDINALITY AS texts (said, nth)"
    );
    const MIXED: &str = concat!(
        "WITH moved AS (",
        number_and_place!(),
        ") INSERT INTO events (build, seq, at, attempt, body, project, place) \
         SELECT id, last_seq - $3 + nth, $4, attempt, said, ",
        project_and_place!(),
        " FROM moved, unnest($5::text[], $6::boolean[]) WITH ORDINALITY \
         AS texts (said, is_output, nth)"
    );
    let are_output = are_output(texts);
    let is_mixed = are_output.contains(&false);
    let query = sqlx::query(if is_mixed { MIXED } else { OUTPUT })
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .bind(i64::try_from(texts.len()).unwrap_or(i64::MAX))
        .bind(now)
        .bind(texts);
    let query = if is_mixed { query.bind(are_output) } else { query };
    let done = answered(query.execute(connection)).await?;
    Ok(done.rows_affected() > 0)
}

async fn append_numbered(
    tx: &mut Tx,
    lease: &Lease,
    now: DateTime<Utc>,
    texts: Vec<String>,
) -> Result<bool, StoreError> {
    const SQL: &str = number_and_place!();
    let count = i64::try_from(texts.len()).unwrap_or(i64::MAX);
    let numbered: Option<Numbered> = write!(*tx, connection => sqlx::query_as(SQL)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .bind(count)
        .bind(now)
        .fetch_optional(connection)
        .await)?;
    let Some(numbered) = numbered else { return Ok(false) };
    insert(tx, lease, &numbered, now, texts).await?;
    Ok(true)
}

/// Whether a running attempt has written this last: its commit went through, and the answer
/// was lost.
async fn is_last(tx: &mut Tx, lease: &Lease, at: DateTime<Utc>) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT count(*) FROM builds WHERE id = $1 AND attempt = $2 \
         AND finished_at IS NULL AND status <> 'queued' AND appended_at = $3";
    let written: i64 = write!(*tx, connection => sqlx::query_scalar(SQL)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .bind(at)
        .fetch_one(connection)
        .await)?;
    Ok(written > 0)
}

/// Inserts events whose numbers and place were given out in this transaction.
async fn insert(
    tx: &mut Tx,
    lease: &Lease,
    numbered: &Numbered,
    now: DateTime<Utc>,
    texts: Vec<String>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO events (build, seq, at, attempt, body, project, place) ";
    let after = numbered.last_seq - i64::try_from(texts.len()).unwrap_or(i64::MAX);
    let mut rows = (after + 1..).zip(texts).peekable();
    while rows.peek().is_some() {
        // Far below the 32,766 parameters that either database takes.
        let rows: Vec<(i64, String)> = rows.by_ref().take(1000).collect();
        write!(*tx, connection => {
            let mut query = QueryBuilder::new(SQL);
            query.push_values(rows, |mut row, (seq, body)| {
                let is_told = !is_output(&body);
                row.push_bind(lease.build.as_uuid())
                    .push_bind(seq)
                    .push_bind(now)
                    .push_bind(lease.attempt.0)
                    .push_bind(body)
                    .push_bind(is_told.then_some(numbered.project.as_str()))
                    .push_bind(is_told.then_some(numbered.place));
            });
            query.build().execute(connection).await.map(drop)
        })?;
    }
    Ok(())
}

/// Whether this is what a build printed. It has no place in the stream of the project, and costs
/// its index nothing.
fn is_output(text: &str) -> bool {
    text.starts_with(r#"{"kind":"log""#)
}

/// The same of each.
pub(crate) fn are_output(texts: &[String]) -> Vec<bool> {
    texts.iter().map(|text| is_output(text)).collect()
}
