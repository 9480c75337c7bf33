//! What there was, for as long as it is kept.

use chrono::{DateTime, Utc};
use slipway_domain::WebhookId;
use uuid::Uuid;

use super::Delivery;
use super::row::{Row, columns};
use crate::db::read;
use crate::{Store, StoreError};

/// How many are forgotten in one transaction.
const BATCH: u16 = 500;

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
    store.tidy(SQL, before, BATCH).await
}
