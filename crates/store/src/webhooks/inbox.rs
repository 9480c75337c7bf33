//! From the forge's delivery to what became of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::row::{Row, columns, json};
use super::{Arrived, Delivery, Outcome, TakenIn};
use crate::db::{read, write};
use crate::{Store, StoreError};

/// Takes a delivery in, unless it came before: under this name, or with this body.
///
/// # Errors
/// When the database does not answer; nothing is written then.
pub async fn take_in(
    store: &Store,
    arrived: &Arrived,
    now: DateTime<Utc>,
) -> Result<TakenIn, StoreError> {
    const SQL: &str = "INSERT INTO webhook_deliveries (id, forge, delivery, body_sha256, event, \
         repository, reference, happening, signed_for, received_at, not_before, worked_at, \
         outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12) \
         ON CONFLICT DO NOTHING";
    const BEFORE: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM webhook_deliveries WHERE forge = $1 AND (delivery = $2 OR body_sha256 = $3) \
         ORDER BY id LIMIT 1"
    );
    let (happening, outcome) = match &arrived.happening {
        Ok(happening) => (Some(json(happening)), None),
        Err(reason) => (None, Some(json(&Outcome::Ignored { reason: reason.clone() }))),
    };
    let mut tx = store.begin().await?;
    let written = write!(tx, connection => sqlx::query(SQL)
        .bind(arrived.id.as_uuid())
        .bind(arrived.forge.as_str())
        .bind(&arrived.delivery)
        .bind(&arrived.body_sha256)
        .bind(&arrived.event)
        .bind(&arrived.repository)
        .bind(&arrived.reference)
        .bind(&happening)
        .bind(json(&arrived.signed_for))
        .bind(now)
        .bind(outcome.is_some().then_some(now))
        .bind(&outcome)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    if written == 1 {
        tx.commit().await?;
        return Ok(TakenIn::New);
    }
    let row: Row = write!(tx, connection => sqlx::query_as(BEFORE)
        .bind(arrived.forge.as_str())
        .bind(&arrived.delivery)
        .bind(&arrived.body_sha256)
        .fetch_one(connection)
        .await)?;
    Ok(TakenIn::Before(Box::new(row.try_into()?)))
}

/// Takes the delivery that has waited longest, for as long as `hold`: nobody else gets it
/// before that is over. `None` where nothing waits. What came before about the same branch, tag
/// or pull request is worked off first: an older push must not take the place of a newer one.
///
/// # Errors
/// When the database does not answer, or the row cannot be read.
pub async fn claim(
    store: &Store,
    hold: Duration,
    now: DateTime<Utc>,
) -> Result<Option<Delivery>, StoreError> {
    // Asked first without a transaction: most looks find nothing.
    const WAITING: &str = "SELECT id FROM webhook_deliveries w \
         WHERE worked_at IS NULL AND not_before <= $1 AND NOT EXISTS (SELECT 1 \
         FROM webhook_deliveries AS older WHERE older.worked_at IS NULL \
         AND older.forge = w.forge AND older.repository = w.repository \
         AND older.reference = w.reference \
         AND (older.received_at, older.id) < (w.received_at, w.id)) \
         ORDER BY not_before, id LIMIT 1";
    let waiting: Option<Uuid> = read!(store, pool => sqlx::query_scalar(WAITING)
        .bind(now)
        .fetch_optional(pool)
        .await)?;
    if waiting.is_none() {
        return Ok(None);
    }
    let mut tx = store.begin().await?;
    let sql = format!(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, not_before = $2 \
         WHERE id = ({WAITING}{}) RETURNING {}",
        tx.for_update_skip_locked(),
        columns!()
    );
    let row: Option<Row> = write!(tx, connection => sqlx::query_as(AssertSqlSafe(sql.as_str()))
        .bind(now)
        .bind(now + hold)
        .fetch_optional(connection)
        .await)?;
    tx.commit().await?;
    row.map(Delivery::try_from).transpose()
}

/// Writes down what became of a delivery. `false` where somebody else has it by now.
///
/// # Errors
/// When the database does not answer.
pub async fn finish(
    store: &Store,
    delivery: &Delivery,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE webhook_deliveries SET worked_at = $3, outcome = $4 \
         WHERE id = $1 AND attempts = $2 AND worked_at IS NULL";
    let mut tx = store.begin().await?;
    let written = write!(tx, connection => sqlx::query(SQL)
        .bind(delivery.id.as_uuid())
        .bind(delivery.attempts)
        .bind(now)
        .bind(json(outcome))
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(written == 1)
}
