//! How far a follower has got. Everything here names the token of its lease: whoever lost it
//! changes nothing but the list of tries, which is what happened.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Attempted, FollowerState, Taken, deliveries};
use crate::db::{Tx, write};
use crate::{Store, StoreError};

/// How a follower goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It knows of everything up to this event, and is kept in hand.
    Told {
        /// The event's number.
        seq: i64,
        /// For how long it is kept in hand.
        until: DateTime<Utc>,
    },
    /// It was tried in vain by whoever had it before, and is kept in hand.
    Left {
        /// How often it was tried in vain by now.
        attempts: u32,
        /// For how long it is kept in hand.
        until: DateTime<Utc>,
    },
    /// It knows of everything up to this event, and anybody may take it again.
    Rest {
        /// The event's number.
        seq: i64,
        /// Not before.
        at: DateTime<Utc>,
        /// What was wrong, where something was passed by.
        why: Option<String>,
    },
    /// It is tried again.
    Retry {
        /// The number of the last event that it knows of.
        seq: i64,
        /// How often it was tried in vain by now.
        attempts: u32,
        /// Not before.
        at: DateTime<Utc>,
        /// What was wrong.
        why: String,
    },
    /// It is over.
    End {
        /// How it ended.
        how: Ended,
        /// The last event that it was told of.
        seq: i64,
        /// What was wrong.
        why: Option<String>,
    },
}

/// How a follower ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told of the end.
    Done,
    /// It said that it is gone.
    Disabled,
    /// It was tried for as long as it is worth.
    GivenUp,
}

impl Ended {
    const fn state(self) -> FollowerState {
        match self {
            Self::Done => FollowerState::Done,
            Self::Disabled => FollowerState::Disabled,
            Self::GivenUp => FollowerState::GivenUp,
        }
    }
}

/// Writes down what was tried, and how it goes on from there. Says whether the follower was
/// still in hand.
///
/// # Errors
/// When the database does not answer; what was tried is tried again then, by whoever takes
/// the follower next.
pub async fn record(
    store: &Store,
    taken: &Taken,
    attempts: &[Attempted],
    next: &Next,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    deliveries::insert(&mut tx, taken, attempts).await?;
    let is_ours = go_on(&mut tx, taken, next, now).await?;
    tx.commit().await?;
    Ok(is_ours)
}

pub(super) async fn go_on(
    tx: &mut Tx,
    taken: &Taken,
    next: &Next,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const TOLD: &str = "UPDATE followers SET told_seq = $3, attempts = 0, why = NULL, \
         leased_until = $4 WHERE id = $1 AND lease = $2";
    const LEFT: &str = "UPDATE followers SET attempts = $3, leased_until = $4 \
         WHERE id = $1 AND lease = $2";
    const REST: &str = "UPDATE followers SET told_seq = $3, attempts = 0, due_at = $4, why = $5, \
         lease = NULL, leased_until = NULL WHERE id = $1 AND lease = $2";
    const RETRY: &str = "UPDATE followers SET attempts = $3, due_at = $4, why = $5, \
         told_seq = $6, lease = NULL, leased_until = NULL WHERE id = $1 AND lease = $2";
    const END: &str = "UPDATE followers SET told_seq = $3, state = $4, why = $5, ended_at = $6, \
         attempts = 0, lease = NULL, leased_until = NULL WHERE id = $1 AND lease = $2";
    let (id, token) = (taken.id.as_uuid(), taken.token.0);
    let changed = match next {
        Next::Told { seq, until } => write!(*tx, connection => sqlx::query(TOLD)
            .bind(id)
            .bind(token)
            .bind(*seq)
            .bind(*until)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?,
        Next::Left { attempts, until } => write!(*tx, connection => sqlx::query(LEFT)
            .bind(id)
            .bind(token)
            .bind(i32::try_from(*attempts).unwrap_or(i32::MAX))
            .bind(*until)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?,
        Next::Rest { seq, at, why } => write!(*tx, connection => sqlx::query(REST)
            .bind(id)
            .bind(token)
            .bind(*seq)
            .bind(*at)
            .bind(why.as_deref())
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?,
        Next::Retry { seq, attempts, at, why } => write!(*tx, connection => sqlx::query(RETRY)
            .bind(id)
            .bind(token)
            .bind(i32::try_from(*attempts).unwrap_or(i32::MAX))
            .bind(*at)
            .bind(why.as_str())
            .bind(*seq)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?,
        Next::End { how, seq, why } => write!(*tx, connection => sqlx::query(END)
            .bind(id)
            .bind(token)
            .bind(*seq)
            .bind(how.state().as_str())
            .bind(why.as_deref())
            .bind(now)
            .execute(connection)
            .await
            .map(|done| done.rows_affected()))?,
    };
    Ok(changed == 1)
}

/// Keeps a follower in hand for longer. `false` when it is somebody else's by now.
///
/// # Errors
/// When the database does not answer.
pub async fn renew(
    store: &Store,
    taken: &Taken,
    lease: Duration,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE followers SET leased_until = $3 WHERE id = $1 AND lease = $2";
    let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
    let mut tx = store.single().await?;
    let kept = write!(tx, connection => sqlx::query(SQL)
        .bind(taken.id.as_uuid())
        .bind(taken.token.0)
        .bind(until)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(kept == 1)
}

/// Lets go of a follower as it is: anybody may take it at once.
///
/// # Errors
/// When the database does not answer; its lease ends by itself then.
pub async fn give_back(store: &Store, taken: &Taken) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE followers SET lease = NULL, leased_until = NULL \
         WHERE id = $1 AND lease = $2";
    let mut tx = store.single().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(taken.id.as_uuid())
        .bind(taken.token.0)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

/// Ends all leases, for a process that knows that nobody else is there. That they were left is
/// still to be seen.
///
/// # Errors
/// When the database does not answer.
pub async fn end_leases(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE followers SET leased_until = $1 WHERE leased_until > $1";
    let mut tx = store.single().await?;
    write!(tx, connection => sqlx::query(SQL).bind(now).execute(connection).await.map(drop))?;
    tx.commit().await
}
