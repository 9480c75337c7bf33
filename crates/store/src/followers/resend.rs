//! What somebody asks to have told once more.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, DeliveryId, FollowerId, Project};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Attempted, Taken, deliveries};
use crate::db::{Tx, read, write};
use crate::{Store, StoreError};

/// Whose deliveries are asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those of one build.
    Build(BuildId),
    /// Those of all builds of a project.
    Project(Project),
}

/// What became of the wish for one more try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedAgain {
    /// It will be tried.
    Asked,
    /// There is no such delivery.
    Unknown,
    /// The address of its follower was erased.
    Erased,
    /// It is no message: a log is a stream, which goes on by itself where it was broken off.
    IsLog,
}

#[derive(FromRow)]
struct Message {
    follower: Uuid,
    seq: i64,
    is_sealed: bool,
    is_log: bool,
}

/// Asks for the message of a delivery once more.
///
/// # Errors
/// When the database does not answer.
pub async fn ask_again(
    store: &Store,
    id: DeliveryId,
    now: DateTime<Utc>,
) -> Result<AskedAgain, StoreError> {
    const SQL: &str = "SELECT d.follower, d.seq, f.key_id IS NOT NULL AS is_sealed, \
         f.kind = 'logs' AS is_log \
         FROM deliveries AS d JOIN followers AS f ON f.id = d.follower WHERE d.id = $1";
    let found: Option<Message> = read!(store, pool => sqlx::query_as(SQL)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await)?;
    let Some(message) = found else { return Ok(AskedAgain::Unknown) };
    if message.is_log {
        return Ok(AskedAgain::IsLog);
    }
    if !message.is_sealed {
        return Ok(AskedAgain::Erased);
    }
    let mut tx = store.begin().await?;
    note(&mut tx, &message, now).await?;
    tx.commit().await?;
    Ok(AskedAgain::Asked)
}

/// Asks for all messages of changes once more that were tried since a time and, where `only_failed` says
/// so, never taken. Says how many there are, and how many cannot be sent because the address
/// of their follower was erased.
///
/// # Errors
/// When the database does not answer; part of them may be asked for by then.
pub async fn ask_again_since(
    store: &Store,
    whose: &Whose,
    since: DateTime<Utc>,
    only_failed: bool,
    now: DateTime<Utc>,
) -> Result<(u64, u64), StoreError> {
    const OF_BUILD: &str = "SELECT DISTINCT d.follower, d.seq, f.key_id IS NOT NULL AS is_sealed, \
         false AS is_log FROM deliveries AS d JOIN followers AS f ON f.id = d.follower \
         WHERE f.kind = 'status' AND d.build = $3 AND d.at >= $1 AND (NOT $2 OR NOT EXISTS (SELECT 1 FROM deliveries AS t \
         WHERE t.follower = d.follower AND t.seq = d.seq AND t.outcome = 'delivered'))";
    const OF_PROJECT: &str = "SELECT DISTINCT d.follower, d.seq, \
         f.key_id IS NOT NULL AS is_sealed, false AS is_log \
         FROM deliveries AS d JOIN followers AS f ON f.id = d.follower \
         JOIN builds AS b ON b.id = d.build \
         WHERE f.kind = 'status' AND b.project = $3 AND d.at >= $1 AND (NOT $2 OR NOT EXISTS (SELECT 1 FROM deliveries AS t \
         WHERE t.follower = d.follower AND t.seq = d.seq AND t.outcome = 'delivered'))";
    let found: Vec<Message> = match whose {
        Whose::Build(build) => read!(store, pool => sqlx::query_as(OF_BUILD)
            .bind(since)
            .bind(only_failed)
            .bind(build.as_uuid())
            .fetch_all(pool)
            .await)?,
        Whose::Project(project) => read!(store, pool => sqlx::query_as(OF_PROJECT)
            .bind(since)
            .bind(only_failed)
            .bind(project.as_str())
            .fetch_all(pool)
            .await)?,
    };
    let (mut asked, mut erased) = (0, 0);
    for messages in found.chunks(100) {
        let mut tx = store.begin().await?;
        for message in messages {
            if message.is_sealed {
                note(&mut tx, message, now).await?;
                asked += 1;
            } else {
                erased += 1;
            }
        }
        tx.commit().await?;
    }
    Ok((asked, erased))
}

async fn note(tx: &mut Tx, message: &Message, now: DateTime<Utc>) -> Result<(), StoreError> {
    const NOTE: &str = "INSERT INTO resends (follower, seq) VALUES ($1, $2) \
         ON CONFLICT (follower, seq) DO NOTHING";
    const DUE: &str = "UPDATE followers SET resend_asked_at = $2, due_at = $2 WHERE id = $1";
    write!(*tx, connection => sqlx::query(NOTE)
        .bind(message.follower)
        .bind(message.seq)
        .execute(connection)
        .await
        .map(drop))?;
    write!(*tx, connection => sqlx::query(DUE)
        .bind(message.follower)
        .bind(now)
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}

/// The events that a follower is to be told of once more, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn resends(store: &Store, follower: FollowerId) -> Result<Vec<i64>, StoreError> {
    const SQL: &str = "SELECT seq FROM resends WHERE follower = $1 ORDER BY seq";
    Ok(read!(store, pool => sqlx::query_scalar(SQL)
        .bind(follower.as_uuid())
        .fetch_all(pool)
        .await)?)
}

/// Writes down that a message was tried once more, however that went: it is tried once for
/// each time that somebody asks.
///
/// # Errors
/// When the database does not answer; it is tried again then.
pub async fn resent(
    store: &Store,
    taken: &Taken,
    seq: i64,
    attempts: &[Attempted],
) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM resends WHERE follower = $1 AND seq = $2";
    const NONE_LEFT: &str = "UPDATE followers SET resend_asked_at = NULL WHERE id = $1 \
         AND NOT EXISTS (SELECT 1 FROM resends WHERE follower = $1)";
    let mut tx = store.begin().await?;
    deliveries::insert(&mut tx, taken, attempts).await?;
    write!(tx, connection => sqlx::query(FORGET)
        .bind(taken.id.as_uuid())
        .bind(seq)
        .execute(connection)
        .await
        .map(drop))?;
    write!(tx, connection => sqlx::query(NONE_LEFT)
        .bind(taken.id.as_uuid())
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}
