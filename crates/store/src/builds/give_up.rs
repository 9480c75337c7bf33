//! A build does not wait for ever: each stay in line has a deadline.

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::{BuildId, BuildState, Failure, Reason};
use uuid::Uuid;

use super::end::{Ending, end};
use super::transition::current;
use super::waiting::waiting;
use crate::db::read;
use crate::{Store, StoreError};

/// How many are ended with one look.
const BATCH: i64 = 100;

/// When a stay in line that begins `now` is over.
pub(super) fn give_up_at(queue_seconds: Option<i32>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    queue_seconds.map(|seconds| now + TimeDelta::seconds(seconds.into()))
}

/// Ends builds that waited for longer than they may, with the reason for which they still
/// waited. Says which.
///
/// # Errors
/// When the database does not answer; what was ended by then stays so.
pub async fn give_up(store: &Store, now: DateTime<Utc>) -> Result<Vec<BuildId>, StoreError> {
    const SQL: &str = "SELECT id FROM builds WHERE status = 'queued' AND give_up_at < $1 \
         ORDER BY give_up_at LIMIT $2";
    let ids: Vec<Uuid> = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(now)
        .bind(BATCH)
        .fetch_all(pool)
        .await)?;
    let mut ended = Vec::new();
    for id in ids.into_iter().map(BuildId::from_uuid) {
        if give_up_one(store, id, now).await? {
            ended.push(id);
        }
    }
    Ok(ended)
}

async fn give_up_one(store: &Store, id: BuildId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let waited_for = match super::find(store, id).await {
        Ok(Some(build)) => waiting(store, &build, now).await?.map(|waiting| waiting.reason),
        Ok(None) => None,
        // Nobody can run what nobody can read: that is why it waited.
        Err(StoreError::Corrupt { .. }) => Some("its row cannot be read".into()),
        Err(error) => return Err(error),
    };
    let mut tx = store.begin().await?;
    let Some(row) = current(&mut tx, id).await? else { return Ok(false) };
    let is_due = row.give_up_at.is_some_and(|at| at < now);
    if row.state != BuildState::Queued || !is_due {
        return Ok(false);
    }
    let seconds = row.queue_seconds.unwrap_or_default();
    let why = waited_for.map(|reason| format!(": {reason}")).unwrap_or_default();
    let message = format!("waited in line for {seconds} s, which is all it may{why}");
    let failure = Failure::new(Reason::QueueTimeout, message)
        .hint("see GET /api/v2/hosts, then retry the build, or raise queue_timeout_seconds");
    end(&mut tx, &row, Ending::TimedOut(failure), false, now).await?;
    tx.commit().await?;
    Ok(true)
}
