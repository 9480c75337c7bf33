//! A build goes back into line.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildState, Failure, Reason, Stage};

use super::end::{Ending, end};
use super::give_up::give_up_at;
use super::transition::{Change, Current, held, step};
use crate::db::{Tx, write};
use crate::{Lease, Store, StoreError, outbox};

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
    let state = back_in_line(&mut tx, &current, terms, purged, now).await?;
    tx.commit().await?;
    Ok(state)
}

/// Puts a build back into line on the terms given, unless its row says that it should
/// rather end.
pub(super) async fn back_in_line(
    tx: &mut Tx,
    current: &Current,
    terms: HandBack,
    purged: bool,
    now: DateTime<Utc>,
) -> Result<BuildState, StoreError> {
    if current.state == BuildState::Running(Stage::Purging) && current.digest.is_some() {
        // The registry has it: building again would be work done twice.
        return end(tx, current, Ending::Succeeded, purged, now).await;
    }
    if current.cancel_requested {
        return end(tx, current, Ending::Cancelled, purged, now).await;
    }
    let losses = current.losses + u32::from(terms.loss.is_some());
    if let Some(failure) = terms.loss.filter(|_| losses >= terms.max_attempts) {
        let ending = Ending::Failed(exhausted(failure, losses));
        return end(tx, current, ending, purged, now).await;
    }
    let change = Change { note: Some(terms.note), purged, ..Change::default() };
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
    outbox::insert(tx, current.id, now).await?;
    Ok(BuildState::Queued)
}

/// The failure of a build that was lost as often as it may be.
fn exhausted(last: Failure, losses: u32) -> Failure {
    if last.reason == Reason::AttemptsExhausted {
        let message = format!("{} ({losses} attempts)", last.message);
        return Failure { message, ..last };
    }
    Failure { message: format!("{}, in {losses} attempts", last.message), ..last }
}
