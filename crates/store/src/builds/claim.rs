//! A worker takes the next build: one short transaction that picks a build, picks a host
//! with a free slot, and writes the lease.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use slipway_domain::{
    Attempt, BuildId, BuildSpec, BuildState, EventBody, HostName, Platform, Secrets, Stage,
    WorkerId,
};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::row::corrupt;
use crate::db::{Tx, write};
use crate::seal::Sealed;
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
}

/// A build that is held now.
#[derive(Debug)]
pub struct Claimed {
    /// The proof.
    pub lease: Lease,
    /// What is to be built.
    pub spec: BuildSpec,
    /// Its logins.
    pub secrets: Secrets,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct HostRow {
    name: String,
    slots: i32,
}

#[derive(FromRow)]
struct Candidate {
    id: Uuid,
    created_at: DateTime<Utc>,
    repository: String,
    platform: Option<String>,
    spec: String,
}

#[derive(FromRow)]
struct SealedRow {
    key_id: String,
    nonce: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Claims the oldest build that one of the offered hosts can run. `prefer` orders the
/// free hosts for a repository, best first.
///
/// # Errors
/// When the database does not answer. A build whose row or secrets cannot be read is put
/// off for a minute, so that it does not hold up the line.
pub async fn claim(
    store: &Store,
    offer: &Offer<'_>,
    prefer: impl Fn(&str, &HostName) -> u64,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, StoreError> {
    let mut tx = store.begin().await?;
    let free = free_hosts(&mut tx, offer).await?;
    let Some(candidate) = oldest(&mut tx, offer, &free, now).await? else {
        return Ok(None);
    };
    let build = BuildId::from_uuid(candidate.id);
    let claimed = hold(store, tx, offer, &free, candidate, prefer, now).await;
    if let Err(StoreError::Corrupt { .. } | StoreError::Sealed { .. }) = &claimed {
        put_off(store, build, now + PUT_OFF).await?;
    }
    claimed
}

async fn hold(
    store: &Store,
    mut tx: Tx,
    offer: &Offer<'_>,
    free: &[&HostName],
    candidate: Candidate,
    prefer: impl Fn(&str, &HostName) -> u64,
    now: DateTime<Utc>,
) -> Result<Option<Claimed>, StoreError> {
    let fits = |host: &&&HostName| match &candidate.platform {
        None => true,
        Some(wanted) => {
            offer.hosts.get(**host).is_some_and(|list| list.iter().any(|p| p.as_str() == wanted))
        }
    };
    let best = free.iter().filter(fits).max_by_key(|host| prefer(&candidate.repository, host));
    let Some(host) = best.map(|host| (*host).clone()) else {
        return Ok(None);
    };
    let spec = serde_json::from_str(&candidate.spec).map_err(|e| {
        let problem = format!("{:?} at column {}", e.classify(), e.column());
        corrupt(candidate.id, "spec", problem)
    })?;
    let build = BuildId::from_uuid(candidate.id);
    let secrets = unseal(store, &mut tx, build).await?;
    let attempt = take(&mut tx, build, &host, now).await?;
    let lease = Lease { build, attempt, worker: offer.worker, host };
    note(&mut tx, &lease, offer.expires_at).await?;
    tx.commit().await?;
    Ok(Some(Claimed { lease, spec, secrets, created_at: candidate.created_at }))
}

/// The offered hosts with a free slot, counted over all workers. Their rows stay locked
/// until the lease is written, so that two workers cannot both take the last slot.
async fn free_hosts<'a>(tx: &mut Tx, offer: &Offer<'a>) -> Result<Vec<&'a HostName>, StoreError> {
    const RUNNING: &str = "SELECT host, count(*) FROM leases GROUP BY host";
    let sql = format!(
        "SELECT name, slots FROM hosts WHERE NOT drained AND problem IS NULL ORDER BY name{}",
        tx.for_update()
    );
    let hosts: Vec<HostRow> = write!(*tx, connection => sqlx::query_as(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await)?;
    let running: Vec<(String, i64)> =
        write!(*tx, connection => sqlx::query_as(RUNNING).fetch_all(connection).await)?;
    let running: BTreeMap<String, i64> = running.into_iter().collect();
    let has_room = |name: &HostName| {
        hosts.iter().any(|row| {
            row.name == name.as_str()
                && running.get(name.as_str()).copied().unwrap_or(0) < i64::from(row.slots)
        })
    };
    Ok(offer.hosts.keys().filter(|name| has_room(name)).collect())
}

/// The oldest build in line for one of the platforms of the free hosts, or for any. One
/// look per platform, each of which ends at its first row however long the line is.
async fn oldest(
    tx: &mut Tx,
    offer: &Offer<'_>,
    free: &[&HostName],
    now: DateTime<Utc>,
) -> Result<Option<Candidate>, StoreError> {
    const ANY: &str = "";
    if free.is_empty() {
        return Ok(None);
    }
    let platforms = free.iter().filter_map(|host| offer.hosts.get(*host)).flatten();
    let platforms: BTreeSet<&str> = platforms.map(Platform::as_str).chain([ANY]).collect();
    let sql = format!(
        "SELECT id, created_at, repository, platform, spec FROM builds \
         WHERE status = 'queued' AND not_before <= $1 AND COALESCE(platform, '') = $2 \
         ORDER BY created_at, id LIMIT 1{}",
        tx.for_update_skip_locked()
    );
    let mut best: Option<Candidate> = None;
    for platform in platforms {
        let found: Option<Candidate> = write!(*tx, connection => sqlx::query_as(AssertSqlSafe(sql.clone()))
                .bind(now)
                .bind(platform)
                .fetch_optional(connection)
                .await)?;
        let key = |candidate: &Candidate| (candidate.created_at, candidate.id);
        best = match (best, found) {
            (Some(best), Some(found)) if key(&found) < key(&best) => Some(found),
            (Some(best), _) => Some(best),
            (None, found) => found,
        };
    }
    Ok(best)
}

/// Leaves a build in line that this worker cannot read, and lets the others pass: a worker
/// of another release, or one with the right key, may be able to.
async fn put_off(store: &Store, build: BuildId, until: DateTime<Utc>) -> Result<(), StoreError> {
    const SQL: &str = "UPDATE builds SET not_before = $2 WHERE id = $1 AND status = 'queued'";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(build.as_uuid())
        .bind(until)
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

async fn take(
    tx: &mut Tx,
    build: BuildId,
    host: &HostName,
    now: DateTime<Utc>,
) -> Result<Attempt, StoreError> {
    const SQL: &str = "UPDATE builds SET status = 'preparing', attempt = attempt + 1, host = $2, \
         preparing_at = $3, building_at = NULL, pushing_at = NULL, purging_at = NULL, \
         last_seq = last_seq + 1 WHERE id = $1 AND status = 'queued' RETURNING attempt, last_seq";
    let row: Option<(i32, i64)> = write!(*tx, connection => sqlx::query_as(SQL)
        .bind(build.as_uuid())
        .bind(host.as_str())
        .bind(now)
        .fetch_optional(connection)
        .await)?;
    let (attempt, seq) = row.ok_or(StoreError::LeaseLost(build))?;
    let attempt = Attempt(attempt);
    let event = EventBody::State {
        status: BuildState::Running(Stage::Preparing),
        host: Some(host.clone()),
        note: None,
        digest: None,
        failure: None,
    };
    events::insert(tx, build, attempt, seq, now, &[event]).await?;
    Ok(attempt)
}

/// Writes the lease, and that the attempt may leave an image on the host.
async fn note(tx: &mut Tx, lease: &Lease, expires_at: DateTime<Utc>) -> Result<(), StoreError> {
    const LEASE: &str = "INSERT INTO leases (build, attempt, worker, host, expires_at) \
         VALUES ($1, $2, $3, $4, $5)";
    const IMAGE: &str = "INSERT INTO images_on_hosts (build, attempt, host) VALUES ($1, $2, $3)";
    write!(*tx, connection => sqlx::query(LEASE)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .bind(lease.worker.as_uuid())
        .bind(lease.host.as_str())
        .bind(expires_at)
        .execute(connection)
        .await
        .map(drop))?;
    write!(*tx, connection => sqlx::query(IMAGE)
        .bind(lease.build.as_uuid())
        .bind(lease.attempt.0)
        .bind(lease.host.as_str())
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
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
