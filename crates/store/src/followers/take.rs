//! Followers that are due are taken, by whichever API server is first.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::{BuildId, FollowerId, FollowerKind};
use sqlx::{FromRow, QueryBuilder};
use uuid::Uuid;

use super::lease::{LeaseToken, Taken};
use super::sealed;
use crate::db::{read, write};
use crate::seal::Sealed;
use crate::{Store, StoreError};

/// Rows that are looked at to choose from.
const CANDIDATES: i64 = 256;

/// How a follower is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A request to an HTTP server.
    Http,
    /// A record in a topic.
    Kafka,
}

impl Transport {
    /// The word for it, in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Kafka => "kafka",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Http, Self::Kafka].into_iter().find(|transport| transport.as_str() == word)
    }
}

/// What goes the same way: what is told, and how. Each has a bound of its own on how much of it
/// goes on at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    /// What is told.
    pub kind: FollowerKind,
    /// How it gets there.
    pub transport: Transport,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self { kind: FollowerKind::Status, transport: Transport::Http },
        Self { kind: FollowerKind::Logs, transport: Transport::Http },
        Self { kind: FollowerKind::Status, transport: Transport::Kafka },
        Self { kind: FollowerKind::Logs, transport: Transport::Kafka },
    ];

    fn key(self) -> String {
        format!("{} {}", self.kind.as_str(), self.transport.as_str())
    }
}

/// Which followers are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Only those of these builds; `None` for those of all.
    pub builds: Option<&'a [BuildId]>,
    /// Not those of these lanes at all, nor those at these hosts: they have as much as they may
    /// have.
    pub full: &'a [(Lane, Option<String>)],
}

#[derive(FromRow)]
struct CandidateRow {
    id: Uuid,
    kind: String,
    transport: String,
    host: String,
    was_left: bool,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    build: Uuid,
    host: String,
    kind: String,
    transport: String,
    form: String,
    address: String,
    key_id: Option<String>,
    nonce: Option<Vec<u8>>,
    ciphertext: Option<Vec<u8>>,
    told_seq: i64,
    attempts: i32,
    state: String,
    has_resends: bool,
}

/// Whether anybody waits to be told of anything, due or not. One look at the head of an index,
/// for those who would look for what is due several times a second.
///
/// # Errors
/// When the database does not answer.
pub async fn is_anyone_waiting(store: &Store) -> Result<bool, StoreError> {
    // By the order of the index: PostgreSQL plans this once, on a table that is still empty.
    const SQL: &str = "SELECT id FROM followers \
         WHERE (state = 'waiting' OR resend_asked_at IS NOT NULL) ORDER BY due_at LIMIT 1";
    let first: Option<Uuid> =
        read!(store, pool => sqlx::query_scalar(SQL).fetch_optional(pool).await)?;
    Ok(first.is_some())
}

/// Takes followers that are due, those that have waited longest first. `has_room` is asked of
/// each in turn, by its lane and host, and says whether one more is wanted there.
///
/// # Errors
/// When the database does not answer.
pub async fn take(
    store: &Store,
    wanted: Wanted<'_>,
    mut has_room: impl FnMut(Lane, &str) -> bool,
    lease: Duration,
    now: DateTime<Utc>,
) -> Result<Vec<Taken>, StoreError> {
    let mut chosen = candidates(store, wanted, now).await?;
    chosen.retain(|candidate| {
        lane_of(&candidate.kind, &candidate.transport)
            .is_some_and(|lane| has_room(lane, &candidate.host))
    });
    if chosen.is_empty() {
        return Ok(Vec::new());
    }
    let token = LeaseToken(Uuid::now_v7());
    let until = now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX);
    let mut tx = store.single().await?;
    let skip = tx.for_update_skip_locked();
    let rows: Vec<Row> = write!(tx, connection => {
        let mut query = QueryBuilder::new("UPDATE followers SET lease = ");
        query.push_bind(token.0).push(", leased_until = ").push_bind(until);
        query.push(" WHERE id IN (SELECT id FROM followers WHERE id IN (");
        let mut ids = query.separated(", ");
        for candidate in &chosen {
            ids.push_bind(candidate.id);
        }
        // What was free at the look may be somebody else's by now, or done.
        query.push(") AND (state = 'waiting' OR resend_asked_at IS NOT NULL) AND due_at <= ");
        query.push_bind(now).push(" AND (leased_until IS NULL OR leased_until <= ");
        query.push_bind(now).push(")").push(skip);
        query.push(
            ") RETURNING id, build, host, kind, transport, form, address, key_id, nonce, ciphertext, \
             told_seq, attempts, state, resend_asked_at IS NOT NULL AS has_resends",
        );
        query.build_query_as().persistent(false).fetch_all(connection).await
    })?;
    tx.commit().await?;
    // As it was at the look: between that and the taking nobody is told of anything.
    let left: HashSet<Uuid> = chosen
        .iter()
        .filter(|candidate| candidate.was_left)
        .map(|candidate| candidate.id)
        .collect();
    let taken = |row: Row| {
        let was_left = left.contains(&row.id);
        taken(store, row, was_left, token)
    };
    Ok(rows.into_iter().filter_map(taken).collect())
}

async fn candidates(
    store: &Store,
    wanted: Wanted<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<CandidateRow>, StoreError> {
    // The OR is that of the index, word for word. A log is begun when there is more of it than
    // that the build is in line: a request that is held open would wait with it.
    const SQL: &str = "SELECT id, kind, transport, host, lease IS NOT NULL AS was_left \
         FROM followers AS f WHERE (state = 'waiting' OR resend_asked_at IS NOT NULL) AND due_at <= ";
    const DUE: &str = " AND CASE kind WHEN 'status' THEN resend_asked_at IS NOT NULL OR EXISTS \
         (SELECT 1 FROM events AS e WHERE e.build = f.build AND e.seq > f.told_seq \
         AND substr(e.body, 1, 15) = '{\"kind\":\"state\"') \
         ELSE EXISTS (SELECT 1 FROM events AS e WHERE e.build = f.build \
         AND e.seq > CASE WHEN f.told_seq < 1 THEN 1 ELSE f.told_seq END) END";
    Ok(read!(store, pool => {
        let mut query = QueryBuilder::new(SQL);
        query.push_bind(now).push(" AND (leased_until IS NULL OR leased_until <= ");
        query.push_bind(now).push(")");
        if let Some(builds) = wanted.builds {
            query.push(" AND build IN (");
            let mut ids = query.separated(", ");
            for build in builds {
                ids.push_bind(build.as_uuid());
            }
            query.push(")");
        }
        for (lane, host) in wanted.full {
            query.push(" AND kind || ' ' || transport");
            let mut key = lane.key();
            if let Some(host) = host {
                query.push(" || ' ' || host");
                key = format!("{key} {host}");
            }
            query.push(" <> ").push_bind(key);
        }
        query.push(DUE).push(" ORDER BY due_at LIMIT ").push_bind(CANDIDATES);
        query.build_query_as().persistent(false).fetch_all(pool).await
    })?)
}

fn lane_of(kind: &str, transport: &str) -> Option<Lane> {
    Some(Lane { kind: FollowerKind::parse(kind)?, transport: Transport::parse(transport)? })
}

/// A row that cannot be read is left leased: a newer release beside this one may read it, when
/// the lease is over.
fn taken(store: &Store, row: Row, was_left: bool, token: LeaseToken) -> Option<Taken> {
    let id = FollowerId::from_uuid(row.id);
    let (Some(lane), Ok(form)) =
        (lane_of(&row.kind, &row.transport), serde_json::from_str(&row.form))
    else {
        tracing::warn!(follower.id = %id, "a follower's row cannot be read by this release");
        return None;
    };
    let sealed = match (row.key_id, row.nonce, row.ciphertext) {
        (Some(key_id), Some(nonce), Some(ciphertext)) => Some(Sealed { key_id, nonce, ciphertext }),
        _ => None,
    };
    let opened =
        sealed.map(|sealed| sealed::open(store, id, lane.kind, form, &row.address, &sealed));
    let follower = opened.and_then(|opened| {
        opened.inspect_err(|error| tracing::warn!(%error, "a follower cannot be told")).ok()
    });
    Some(Taken {
        id,
        build: BuildId::from_uuid(row.build),
        lane,
        host: row.host,
        follower,
        told_seq: row.told_seq,
        attempts: u32::try_from(row.attempts).unwrap_or(0),
        is_waiting: row.state == "waiting",
        has_resends: row.has_resends,
        was_left,
        token,
    })
}
