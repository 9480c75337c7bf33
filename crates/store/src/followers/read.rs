//! Followers of a build, and what they are to be told.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, Event, Follower, FollowerId, FollowerKind};
use sqlx::FromRow;
use uuid::Uuid;

use super::{Enrolled, FollowerState, Transport, sealed};
use crate::archive::{self, Wanted};
use crate::db::read;
use crate::seal::Sealed;
use crate::{Store, StoreError, events};

/// Changes of state that are read at once. A build has seven or so, and as many again each
/// time it goes back into line.
const STATES: u16 = 64;

#[derive(FromRow)]
struct Row {
    id: Uuid,
    build: Uuid,
    place: i32,
    kind: String,
    form: String,
    address: String,
    transport: String,
    state: String,
    why: Option<String>,
    told_seq: i64,
    attempts: i32,
    due_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    key_id: Option<String>,
    nonce: Option<Vec<u8>>,
    ciphertext: Option<Vec<u8>>,
}

const OF_BUILD: &str = "SELECT id, build, place, kind, form, address, transport, state, why, \
     told_seq, attempts, due_at, ended_at, key_id, nonce, ciphertext FROM followers \
     WHERE build = $1 ORDER BY place";

/// The followers of a build, in the order of the request.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn of_build(store: &Store, build: BuildId) -> Result<Vec<Enrolled>, StoreError> {
    rows(store, build).await?.iter().map(enrolled).collect()
}

/// The followers of a build as they were submitted: `None` for one whose address is erased or
/// cannot be opened.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn opened(
    store: &Store,
    build: BuildId,
) -> Result<Vec<(Enrolled, Option<Follower>)>, StoreError> {
    let open = |row: Row| {
        let who = enrolled(&row)?;
        let follower = match (row.key_id, row.nonce, row.ciphertext) {
            (Some(key_id), Some(nonce), Some(ciphertext)) => {
                let sealed = Sealed { key_id, nonce, ciphertext };
                sealed::open(store, who.id, who.kind, who.form.clone(), &who.address, &sealed).ok()
            }
            _ => None,
        };
        Ok((who, follower))
    };
    rows(store, build).await?.into_iter().map(open).collect()
}

/// Changes of state of a build after event number `after`, in order.
///
/// # Errors
/// As [`events::after`].
pub async fn states_after(
    store: &Store,
    build: BuildId,
    after: i64,
) -> Result<Vec<Event>, StoreError> {
    // The condition is that of the index, word for word.
    const SQL: &str = "SELECT seq, at, attempt, body FROM events WHERE build = $1 AND seq > $2 \
         AND substr(body, 1, 15) = '{\"kind\":\"state\"' ORDER BY seq LIMIT $3";
    let rows: Vec<events::Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(build.as_uuid())
        .bind(after)
        .bind(i64::from(STATES))
        .fetch_all(pool)
        .await)?;
    if rows.is_empty() {
        let wanted = Wanted { limit: STATES, states_only: true, ..Wanted::ALL };
        return archive::after(store, build, after, wanted).await;
    }
    rows.into_iter().map(|row| events::from_row(build, row)).collect()
}

async fn rows(store: &Store, build: BuildId) -> Result<Vec<Row>, StoreError> {
    Ok(read!(store, pool => sqlx::query_as(OF_BUILD)
        .bind(build.as_uuid())
        .fetch_all(pool)
        .await)?)
}

fn enrolled(row: &Row) -> Result<Enrolled, StoreError> {
    let corrupt = |column| StoreError::unreadable("followers", column, row.id);
    Ok(Enrolled {
        id: FollowerId::from_uuid(row.id),
        build: BuildId::from_uuid(row.build),
        place: row.place,
        kind: FollowerKind::parse(&row.kind).ok_or_else(|| corrupt("kind"))?,
        form: serde_json::from_str(&row.form).map_err(|_| corrupt("form"))?,
        address: row.address.clone(),
        transport: Transport::parse(&row.transport).ok_or_else(|| corrupt("transport"))?,
        state: FollowerState::parse(&row.state).ok_or_else(|| corrupt("state"))?,
        why: row.why.clone(),
        told_seq: row.told_seq,
        attempts: u32::try_from(row.attempts).unwrap_or(0),
        due_at: row.due_at,
        ended_at: row.ended_at,
        is_sealed: row.key_id.is_some(),
    })
}
