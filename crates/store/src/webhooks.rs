//! What forges have told: the inbox of triggers, and its history.
//!
//! A delivery is a row before the forge hears of it, and worked off later by whichever API
//! server gets to it first. Whoever works on it holds it for a while by a time in the row; one
//! that dies leaves it to another. What it asks for is submitted under a key of its own, so that
//! a delivery which is worked twice builds once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use slipway_domain::{BuildId, Forge, Happening, WebhookId};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use crate::db::{read, write};
use crate::{Store, StoreError};

/// How many are forgotten in one transaction.
const BATCH: i64 = 500;

/// A delivery that was signed, and read.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The id that it gets if it is new.
    pub id: WebhookId,
    /// Whose it is.
    pub forge: Forge,
    /// The forge's own name for it.
    pub delivery: String,
    /// The body's SHA-256, 64 hexadecimal digits.
    pub body_sha256: String,
    /// `push`, `release` or `pull_request`.
    pub event: String,
    /// `owner/name`.
    pub repository: String,
    /// What it is about.
    pub reference: String,
    /// What happened, or why nothing comes of it whatever the triggers are.
    pub happening: Result<Happening, String>,
    /// The triggers whose secret it was signed with.
    pub signed_for: Vec<String>,
}

/// A delivery as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub forge: Forge,
    /// The forge's own name for it.
    pub delivery: String,
    /// `push`, `release` or `pull_request`.
    pub event: String,
    /// `owner/name`.
    pub repository: String,
    /// What it is about.
    pub reference: String,
    /// What happened; `None` where nothing could come of it.
    pub happening: Option<Happening>,
    /// The triggers whose secret it was signed with.
    pub signed_for: Vec<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How often somebody has begun to work on it.
    pub attempts: i32,
    /// When it was worked off.
    pub worked_at: Option<DateTime<Utc>>,
    /// What became of it; `None` while it waits.
    pub outcome: Option<Outcome>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It was passed by as it came, for all triggers.
    Ignored {
        /// Why.
        reason: String,
    },
    /// Each trigger that it was signed for has had its say.
    Worked {
        /// What each of them did.
        triggers: Vec<Fired>,
    },
}

/// What a trigger made of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// The trigger's name.
    pub trigger: String,
    /// The build that it submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of taking a delivery in.
#[derive(Debug)]
pub enum TakenIn {
    /// It is new.
    New,
    /// It came before.
    Before(Box<Delivery>),
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    forge: String,
    delivery: String,
    event: String,
    repository: String,
    reference: String,
    happening: Option<String>,
    signed_for: String,
    received_at: DateTime<Utc>,
    attempts: i32,
    worked_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
}

macro_rules! columns {
    () => {
        "id, forge, delivery, event, repository, reference, happening, signed_for, received_at, \
         attempts, worked_at, outcome"
    };
}

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

/// Deliveries, newest first: at most `limit`, and only those before `before`.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn list(
    store: &Store,
    before: Option<WebhookId>,
    limit: u16,
) -> Result<Vec<Delivery>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM webhook_deliveries WHERE id < $1 ORDER BY id DESC LIMIT $2"
    );
    let before = before.map_or(Uuid::max(), WebhookId::as_uuid);
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// Forgets some deliveries that came before `before` and are worked off; call it again until
/// there are none.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(store: &Store, before: DateTime<Utc>) -> Result<u64, StoreError> {
    const SQL: &str = "DELETE FROM webhook_deliveries WHERE id IN (SELECT id \
         FROM webhook_deliveries WHERE received_at < $1 AND worked_at IS NOT NULL LIMIT $2)";
    let mut tx = store.begin().await?;
    let forgotten = write!(tx, connection => sqlx::query(SQL)
        .bind(before)
        .bind(BATCH)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(forgotten)
}

/// Words, numbers and lists of them: this cannot fail to serialise.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |column: &'static str| StoreError::Corrupt {
            table: "webhook_deliveries",
            column,
            row: row.id.to_string(),
            problem: "is of no form that this release knows".into(),
        };
        let forge = [Forge::Github, Forge::Gitea, Forge::Gitlab]
            .into_iter()
            .find(|forge| forge.as_str() == row.forge)
            .ok_or_else(|| corrupt("forge"))?;
        let happening = row.happening.as_deref().map(serde_json::from_str).transpose();
        let outcome = row.outcome.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id: WebhookId::from_uuid(row.id),
            forge,
            happening: happening.map_err(|_| corrupt("happening"))?,
            outcome: outcome.map_err(|_| corrupt("outcome"))?,
            signed_for: serde_json::from_str(&row.signed_for).map_err(|_| corrupt("signed_for"))?,
            delivery: row.delivery,
            event: row.event,
            repository: row.repository,
            reference: row.reference,
            received_at: row.received_at,
            attempts: row.attempts,
            worked_at: row.worked_at,
        })
    }
}
