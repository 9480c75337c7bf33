//! A worker takes the next build: one short transaction that picks a build, picks a host
//! with a free slot, and writes the lease.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::{
    Attempt, BuildId, BuildSpec, BuildState, EventBody, HostName, Platform, Secrets, Stage,
    WorkerId,
};
use sqlx::FromRow;
use uuid::Uuid;

use super::line::{self, Head, Wanted};
use super::slots;
use crate::db::{Tx, read, write};
use crate::seal::Sealed;
use crate::walk::{Walk, next_place, walk};
use crate::{Lease, Store, StoreError, events};

/// How long a build waits that could not be read.
const PUT_OFF: TimeDelta = TimeDelta::minutes(1);

/// What a worker has to offer.
#[derive(Debug, Clone)]
pub struct Offer<'a> {
    /// Who asks.
    pub worker: WorkerId,
    /// The hosts that it can use now, with the platforms that each builds for.
    pub hosts: &'a BTreeMap<HostName, Vec<Platform>>,
    /// When the lease will run out unless it is renewed.
    pub expires_at: DateTime<Utc>,
    /// For how long a build waits until it counts as one priority higher.
    pub raise_after: TimeDelta,
}

impl<'a> Offer<'a> {
    /// The offered host of this name, where the build can run on it.
    fn fit(&self, name: &str, head: &Head) -> Option<&'a HostName> {
        let (host, platforms) = self.hosts.iter().find(|(host, _)| host.as_str() == name)?;
        let fits = |wanted: &String| platforms.iter().any(|platform| platform.as_str() == wanted);
        head.platform.as_ref().is_none_or(fits).then_some(host)
    }
}

/// A build that is held now.
#[derive(Debug)]
pub struct Claimed {
    /// The proof.
    pub lease: Lease,
    /// How long it is good for, unless it is renewed.
    pub expires_at: DateTime<Utc>,
    /// What is to be built.
    pub spec: BuildSpec,
    /// Its logins.
    pub secrets: Secrets,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// Trace context of the request that submitted it.
    pub traceparent: Option<String>,
}

#[derive(FromRow)]
struct SealedRow {
    key_id: String,
    nonce: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Whether any build is in line. A look that locks nothing, for those who have heard no bell.
///
/// # Errors
/// When the database does not answer.
pub async fn is_anyone_waiting(store: &Store) -> Result<bool, StoreError> {
    // By the order of the line: PostgreSQL plans this once, on a table that is still empty.
    const SQL: &str = "SELECT id FROM builds WHERE status = 'queued' \
         ORDER BY COALESCE(platform, ''), priority, round LIMIT 1";
    let first: Option<Uuid> =
        read!(store, pool => sqlx::query_scalar(SQL).fetch_optional(pool).await)?;
    Ok(first.is_some())
}

/// Claims the build that goes next among those that one of the offered hosts can run.
/// `prefer` orders the free hosts for a project and repository: the highest wins.
///
/// # Errors
/// When the database does not answer. A build whose row or secrets cannot be read is put
/// off for a minute, so that it does not hold up the line.
pub async fn claim(
    store: &Store,
    offer: &Offer<'_>,
    prefer: impl Fn(&str, &str, &HostName) -> u64,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, StoreError> {
    loop {
        let mut tx = slots::begin(store).await?;
        let platforms = offer.hosts.values().flatten().map(Platform::as_str);
        let wanted = Wanted {
            platforms: platforms.chain([line::ANY]).collect(),
            raise_after: offer.raise_after,
            now,
        };
        let next = line::next(&mut tx, &wanted, |name, head| offer.fit(name, head)).await?;
        let Some((head, hosts)) = next else { return Ok(None) };
        let best = hosts.iter().max_by_key(|host| prefer(&head.project, &head.repository, host));
        let Some(host) = best else { return Ok(None) };
        let build = BuildId::from_uuid(head.id);
        match hold(store, tx, offer, host, head, now).await {
            // `None`: it was cancelled just now. The next one, then.
            Ok(None) => {}
            Ok(claimed) => return Ok(claimed),
            Err(error) => {
                if let Some(obstacle) = obstacle(&error) {
                    put_off(store, build, obstacle, now + PUT_OFF).await?;
                }
                return Err(error);
            }
        }
    }
}

/// Takes a build that is next. `None` when it is in line no more.
async fn hold(
    store: &Store,
    mut tx: Tx,
    offer: &Offer<'_>,
    host: &HostName,
    head: Head,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, StoreError> {
    let spec: BuildSpec = serde_json::from_str(&head.spec)
        .map_err(|_| StoreError::unreadable("builds", "spec", head.id))?;
    let build = BuildId::from_uuid(head.id);
    let secrets =
        if head.had_secrets { unseal(store, &mut tx, build).await? } else { Secrets::default() };
    let Some(attempt) = take(&mut tx, &head, offer, host, now).await? else { return Ok(None) };
    let lease = Lease { build, attempt, worker: offer.worker, host: host.clone() };
    tx.commit().await?;
    let Head { created_at, traceparent, .. } = head;
    let expires_at = offer.expires_at;
    Ok(Some(Claimed { lease, expires_at, spec, secrets, created_at, traceparent }))
}

/// What the sender of a build is told that a worker could not take; `None` where the build
/// is not what is wrong.
const fn obstacle(error: &StoreError) -> Option<&'static str> {
    if let StoreError::Sealed { .. } | StoreError::SealedFollower { .. } = error {
        return Some(
            "its secrets cannot be opened with the key of the worker that wanted it; all workers \
             and API servers must have the same one in secrets",
        );
    }
    if let StoreError::Corrupt { .. } = error {
        return Some("the worker that wanted it cannot read its row, as if of a later release");
    }
    None
}

/// Leaves a build in line that this worker cannot read, and lets the others pass: a worker
/// of another release, or one with the right key, may be able to.
async fn put_off(
    store: &Store,
    build: BuildId,
    obstacle: &str,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE builds SET not_before = $2, obstacle = $3 \
         WHERE id = $1 AND status = 'queued'";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(build.as_uuid())
        .bind(until)
        .bind(obstacle)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

/// Moves the build's row, and writes the lease, the event, that the attempt may leave an image
/// on the host, and that its round of the line is served. `None` when it is in line no more.
async fn take(
    tx: &mut Tx,
    head: &Head,
    offer: &Offer<'_>,
    host: &HostName,
    now: DateTime<Utc>,
) -> Result<Option<Attempt>, StoreError> {
    const WALK: Walk = walk!(
        concat!("UPDATE builds SET status = 'preparing', attempt = attempt + 1, host = $2, \
         obstacle = NULL, place = ", next_place!(), ", \
         preparing_at = $3, building_at = NULL, pushing_at = NULL, purging_at = NULL, \
         last_seq = last_seq + 1 WHERE id = $1 AND status = 'queued' \
         RETURNING id, attempt, last_seq, project, place"),
        "event": "INSERT INTO events (build, seq, at, attempt, body, project, place) \
         SELECT id, last_seq, $3, attempt, $4, project, place FROM moved",
        "lease": "INSERT INTO leases (build, attempt, worker, host, expires_at) \
         SELECT id, attempt, $5, $2, $6 FROM moved",
        "image": "INSERT INTO images_on_hosts (build, attempt, host) \
         SELECT id, attempt, $2 FROM moved",
        "line": "UPDATE lines SET served = $8 WHERE priority = $7 AND served < $8 \
         AND EXISTS (SELECT 1 FROM moved)",
    );
    let event = EventBody::State {
        status: BuildState::Running(Stage::Preparing),
        host: Some(host.clone()),
        note: None,
        digest: None,
        failure: None,
    };
    let text = WALK.text(tx);
    let moved: Vec<(Uuid, i32)> = write!(*tx, connection => sqlx::query_as(text)
        .bind(head.id)
        .bind(host.as_str())
        .bind(now)
        .bind(events::as_text(&event))
        .bind(offer.worker.as_uuid())
        .bind(offer.expires_at)
        .bind(head.priority)
        .bind(head.round)
        .fetch_all(connection)
        .await)?;
    Ok(moved.first().map(|(_, attempt)| Attempt(*attempt)))
}

async fn unseal(store: &Store, tx: &mut Tx, build: BuildId) -> Result<Secrets, StoreError> {
    const SQL: &str = "SELECT key_id, nonce, ciphertext FROM sealed_secrets WHERE build = $1";
    let row: Option<SealedRow> = write!(*tx, connection => sqlx::query_as(SQL)
        .bind(build.as_uuid())
        .fetch_optional(connection)
        .await)?;
    let Some(row) = row else { return Ok(Secrets::default()) };
    let sealed = Sealed { key_id: row.key_id, nonce: row.nonce, ciphertext: row.ciphertext };
    let plain = store.keys.open(build, &sealed)?;
    Secrets::from_bytes(&plain).map_err(|problem| StoreError::Sealed { build, problem })
}
