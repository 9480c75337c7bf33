//! The row of a delivery.

use chrono::{DateTime, Utc};
use serde::Serialize;
use slipway_domain::{Forge, WebhookId};
use sqlx::FromRow;
use uuid::Uuid;

use super::Delivery;
use crate::StoreError;

#[derive(FromRow)]
pub(super) struct Row {
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

pub(super) use columns;

/// Words, numbers and lists of them: this cannot fail to serialise.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl TryFrom<Row> for Delivery {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |column| StoreError::unreadable("webhook_deliveries", column, row.id);
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
