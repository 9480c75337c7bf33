//! Every try to tell a follower of something, kept for people to look at.

use std::time::Duration;

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, DeliveryId, FollowerId};
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::Taken;
use crate::db::{Tx, read, write};
use crate::{Store, StoreError};

/// What is kept of a body, in bytes.
const KEPT_BYTES: usize = 16 * 1024;

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryOutcome {
    /// It was taken.
    Delivered,
    /// It was not; it may be tried again.
    Failed,
    /// Its address may not be reached.
    Refused,
    /// It was tried in vain, and gave way to what came later.
    PassedBy,
}

impl DeliveryOutcome {
    const ALL: [Self; 4] = [Self::Delivered, Self::Failed, Self::Refused, Self::PassedBy];

    /// The word for it, in rows, answers and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::PassedBy => "passed_by",
        }
    }
}

/// A try, as it is to be written down.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// The event that was to be told of.
    pub seq: i64,
    /// The same for every try of one message.
    pub webhook_id: String,
    /// From 1 for each message.
    pub attempt: u32,
    /// Whether somebody asked for it.
    pub resend: bool,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub took: Duration,
    /// What became of it.
    pub outcome: DeliveryOutcome,
    /// Why it was not taken, in words for people.
    pub error: Option<String>,
    /// What was sent.
    pub sent: Sent,
    /// What was answered.
    pub answer: Option<Answer>,
}

/// What was sent. Nothing in it is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Names and values, without those that are secret.
    pub headers: Vec<(String, String)>,
    /// The body as text; its first 16 KiB are kept.
    pub body: String,
}

/// What was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The beginning of the body as text.
    pub body: String,
}

/// A try, as it was written down.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Who was to be told.
    pub follower: FollowerId,
    /// Of which build.
    pub build: BuildId,
    /// Everything else.
    pub attempted: Attempted,
}

macro_rules! columns {
    () => {
        "id, follower, build, seq, webhook_id, attempt, resend, at, duration_ms, outcome, error, \
         request_headers, request_body, response_status, response_headers, response_body"
    };
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    follower: Uuid,
    build: Uuid,
    seq: i64,
    webhook_id: String,
    attempt: i32,
    resend: bool,
    at: DateTime<Utc>,
    duration_ms: i64,
    outcome: String,
    error: Option<String>,
    request_headers: String,
    request_body: String,
    response_status: Option<i32>,
    response_headers: Option<String>,
    response_body: Option<String>,
}

/// Writes tries down.
pub(super) async fn insert(
    tx: &mut Tx,
    taken: &Taken,
    attempts: &[Attempted],
) -> Result<(), StoreError> {
    const SQL: &str = concat!("INSERT INTO deliveries (", columns!(), ") ");
    if attempts.is_empty() {
        return Ok(());
    }
    write!(*tx, connection => {
        let mut query = QueryBuilder::new(SQL);
        query.push_values(attempts, |mut row, attempted| {
            let answer = attempted.answer.as_ref();
            row.push_bind(DeliveryId::generate().as_uuid())
                .push_bind(taken.id.as_uuid())
                .push_bind(taken.build.as_uuid())
                .push_bind(attempted.seq)
                .push_bind(attempted.webhook_id.as_str())
                .push_bind(i32::try_from(attempted.attempt).unwrap_or(i32::MAX))
                .push_bind(attempted.resend)
                .push_bind(attempted.at)
                .push_bind(i64::try_from(attempted.took.as_millis()).unwrap_or(i64::MAX))
                .push_bind(attempted.outcome.as_str())
                .push_bind(attempted.error.as_deref().map(kept))
                .push_bind(headers_as_text(&attempted.sent.headers))
                .push_bind(kept(&attempted.sent.body))
                .push_bind(answer.map(|answer| i32::from(answer.status)))
                .push_bind(answer.map(|answer| headers_as_text(&answer.headers)))
                .push_bind(answer.map(|answer| kept(&answer.body)));
        });
        query.build().execute(connection).await.map(drop)
    })?;
    Ok(())
}

/// Tries of a build's followers, newest first: at most `limit`, and only those before
/// `before`.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn deliveries(
    store: &Store,
    build: BuildId,
    before: Option<DeliveryId>,
    limit: u16,
) -> Result<Vec<Delivery>, StoreError> {
    const SQL: &str = concat!("SELECT ", columns!(), " FROM deliveries WHERE build = ");
    let rows: Vec<Row> = read!(store, pool => {
        let mut query = QueryBuilder::new(SQL);
        query.push_bind(build.as_uuid());
        if let Some(before) = before {
            query.push(" AND id < ").push_bind(before.as_uuid());
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit));
        query.build_query_as().fetch_all(pool).await
    })?;
    rows.into_iter().map(Delivery::try_from).collect()
}

/// One try.
///
/// # Errors
/// When the database does not answer, or the row cannot be read.
pub async fn delivery(store: &Store, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    const SQL: &str = concat!("SELECT ", columns!(), " FROM deliveries WHERE id = $1");
    let row: Option<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await)?;
    row.map(Delivery::try_from).transpose()
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::unreadable("deliveries", column, row.id);
        let outcome = DeliveryOutcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == row.outcome)
            .ok_or_else(|| corrupt("outcome"))?;
        let headers = |text: &str| serde_json::from_str(text).ok();
        let answer = match row.response_status {
            Some(status) => Some(Answer {
                status: u16::try_from(status).map_err(|_| corrupt("response_status"))?,
                headers: row.response_headers.as_deref().and_then(headers).unwrap_or_default(),
                body: row.response_body.unwrap_or_default(),
            }),
            None => None,
        };
        Ok(Self {
            id: DeliveryId::from_uuid(row.id),
            follower: FollowerId::from_uuid(row.follower),
            build: BuildId::from_uuid(row.build),
            attempted: Attempted {
                seq: row.seq,
                webhook_id: row.webhook_id,
                attempt: u32::try_from(row.attempt).unwrap_or(0),
                resend: row.resend,
                at: row.at,
                took: Duration::from_millis(u64::try_from(row.duration_ms).unwrap_or(0)),
                outcome,
                error: row.error,
                sent: Sent {
                    headers: headers(&row.request_headers)
                        .ok_or_else(|| corrupt("request_headers"))?,
                    body: row.request_body,
                },
                answer,
            },
        })
    }
}

fn headers_as_text(headers: &[(String, String)]) -> String {
    let kept: Vec<(String, String)> =
        headers.iter().map(|(name, value)| (kept(name), kept(value))).collect();
    // Pairs of texts: this cannot fail to serialise.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The beginning of a text, as the database takes it: PostgreSQL knows no NUL in a text.
fn kept(text: &str) -> String {
    let end = text.floor_char_boundary(KEPT_BYTES);
    text.get(..end).unwrap_or_default().replace('\0', "\u{fffd}")
}
