//! A build is accepted: its row, its first event, its sealed secrets and its bell, in one
//! transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, BuildSpec, Follower, Secrets};
use uuid::Uuid;

use super::Build;
use super::given::{Given, Placed, first_event};
use super::supersede;
use crate::db::{Db, Tx, write};
use crate::names::{self, Name};
use crate::outbox::DueBell;
use crate::walk::{Walk, walk};
use crate::{Store, StoreError, followers};

/// What is submitted.
#[derive(Debug)]
pub struct Submission<'a> {
    /// The id the build will have if it is new.
    pub id: BuildId,
    /// What is to be built.
    pub spec: &'a BuildSpec,
    /// The logins that came with it.
    pub secrets: &'a Secrets,
    /// The build that this one repeats.
    pub retry_of: Option<BuildId>,
    /// The sender's key for repeating a request safely.
    pub idempotency: Option<Idempotency<'a>>,
    /// What its sender calls it.
    pub names: &'a [Name],
    /// How long it may be in line where the spec says nothing; `None` means for ever.
    pub queue_timeout: Option<Duration>,
    /// Trace context of the request (W3C Trace Context), for the worker's spans.
    pub traceparent: Option<&'a str>,
    /// Who is told of it.
    pub followers: &'a [Follower],
}

impl<'a> Submission<'a> {
    /// Whether the row, its first event and its bell are all there is to it.
    fn is_plain(&self) -> bool {
        self.idempotency.is_none()
            && self.names.is_empty()
            && self.spec.supersede_key.is_none()
            && self.secrets.is_empty()
            && self.followers.is_empty()
            && self.spec.source.upload().is_none()
    }

    /// A first submission with nothing beside it.
    #[must_use]
    pub const fn new(id: BuildId, spec: &'a BuildSpec, secrets: &'a Secrets) -> Self {
        Self {
            id,
            spec,
            secrets,
            retry_of: None,
            idempotency: None,
            names: &[],
            queue_timeout: None,
            traceparent: None,
            followers: &[],
        }
    }
}

/// A key under which the same request gets the same answer.
#[derive(Debug, Clone, Copy)]
pub struct Idempotency<'a> {
    /// The key as sent.
    pub key: &'a str,
    /// Keyed digests of the request, from [`Store::keyed_digests`]: by the current key first,
    /// which is the one that is kept, then by those of before.
    pub request_digests: &'a [String],
}

/// What became of a submission.
#[derive(Debug)]
pub enum Submitted {
    /// It is in line.
    New {
        /// As it stands.
        build: Box<Build>,
        /// The older builds of its key that it took the place of: some are over now, the
        /// others run and were asked to stop.
        superseded: Vec<BuildId>,
        /// Rings for it.
        bell: DueBell,
    },
    /// The same request came before under this key: this is its build.
    Before(Box<Build>),
    /// Another request came before under this key.
    KeyTaken,
    /// A name that it wants alone stands for a build that is not over.
    NameTaken,
    /// The upload that it names does not exist, or is another project's.
    NoSuchUpload,
}

/// Accepts a build.
///
/// # Errors
/// When the database does not answer or is full; nothing is written then.
pub async fn submit(
    store: &Store,
    submission: &Submission<'_>,
    now: DateTime<Utc>,
) -> Result<Submitted, StoreError> {
    if let Db::Postgres(pool) = &store.db
        && submission.is_plain()
    {
        let given = Given::of(submission, now);
        let bell = DueBell::written(given.bell, submission.id);
        let placed = store.crowd.accept(pool, given).await?;
        let build = Box::new(placed.build(submission, now));
        return Ok(Submitted::New { build, superseded: Vec::new(), bell });
    }
    let project = submission.spec.project.as_str();
    let mut tx = store.begin().await?;
    // The upload first: its row lock keeps retention from taking it away meanwhile.
    let upload = submission.spec.source.upload().map(|id| id.as_uuid());
    if let Some(upload) = upload
        && !touch_upload(&mut tx, upload, project, now).await?
    {
        drop(tx);
        // A request that was answered before gets its answer, even where its upload has
        // been forgotten since.
        return match submission.idempotency {
            Some(idempotency) => {
                Ok(replay(store, project, idempotency).await?.unwrap_or(Submitted::NoSuchUpload))
            }
            None => Ok(Submitted::NoSuchUpload),
        };
    }
    // A retry repeats what is old: it takes the place of nothing newer.
    let key = submission.spec.supersede_key.as_deref().filter(|_| submission.retry_of.is_none());
    let superseded = match key {
        Some(key) => supersede::older(&mut tx, project, key, submission.id, now).await?,
        None => Vec::new(),
    };
    let given = Given::of(submission, now);
    let bell = DueBell::written(given.bell, submission.id);
    let build = insert(&mut tx, submission, given, upload, now).await?;
    if let Some(idempotency) = submission.idempotency
        && !take_key(&mut tx, project, idempotency, submission.id, now).await?
    {
        drop(tx);
        return Ok(replay(store, project, idempotency).await?.unwrap_or(Submitted::KeyTaken));
    }
    if !names::claim(&mut tx, submission.names, submission.id).await? {
        return Ok(Submitted::NameTaken);
    }
    if !submission.secrets.is_empty() {
        seal(store, &mut tx, submission).await?;
    }
    followers::insert(store, &mut tx, submission.id, submission.followers, now).await?;
    tx.commit().await?;
    Ok(Submitted::New { build: Box::new(build), superseded, bell })
}

/// An upload of another project is as good as none: nothing says that it exists.
async fn touch_upload(
    tx: &mut Tx,
    upload: Uuid,
    project: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "UPDATE uploads SET last_used_at = $2 WHERE id = $1 AND project = $3";
    let found = write!(*tx, connection => sqlx::query(SQL)
        .bind(upload)
        .bind(now)
        .bind(project)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(found == 1)
}

/// Writes the row, its first event and its bell.
async fn insert(
    tx: &mut Tx,
    submission: &Submission<'_>,
    given: Given,
    upload: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Build, StoreError> {
    // The round: one after the project's last that waits, and after all that were served.
    // Two submits at once may get the same one, which is no harm: the older goes first. The
    // last is asked for by its order, not by max(): PostgreSQL plans this once, on a table
    // that is still empty, and would walk through all that waits ever after.
    // What it says is all that is not known already: the answer waits for nothing to be read.
    const WALK: Walk = walk!(
        "INSERT INTO builds (id, project, image, repository, platform, spec, upload, \
         retry_of, status, not_before, created_at, had_secrets, last_seq, priority, \
         queue_seconds, give_up_at, supersede_key, traceparent, place, round) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'queued', $9, $9, $10, 1, $11, $12, $13, \
         $14, $15, (SELECT next FROM next_place), (SELECT 1 + max(round) FROM (SELECT served AS round FROM lines \
         WHERE priority = $11 UNION ALL SELECT (SELECT round FROM builds \
         WHERE project = $2 AND priority = $11 AND status = 'queued' \
         ORDER BY round DESC LIMIT 1)) AS before)) \
         RETURNING id, attempt, last_seq, round, project, place",
        "event": "INSERT INTO events (build, seq, at, attempt, body, project, place) \
         SELECT id, last_seq, $9, attempt, $16, project, place FROM moved",
        "bell": "INSERT INTO outbox (id, build, created_at) SELECT $17, id, $9 FROM moved",
    );
    let text = WALK.text(tx);
    let rows: Vec<Placed> = write!(*tx, connection => sqlx::query_as(text)
        .bind(given.id)
        .bind(given.project)
        .bind(given.image)
        .bind(given.repository)
        .bind(given.platform)
        .bind(given.spec)
        .bind(upload)
        .bind(given.retry_of)
        .bind(now)
        .bind(!submission.secrets.is_empty())
        .bind(given.priority)
        .bind(given.queue_seconds)
        .bind(given.give_up_at)
        .bind(submission.spec.supersede_key.as_deref())
        .bind(given.traceparent)
        .bind(first_event())
        .bind(given.bell)
        .fetch_all(connection)
        .await)?;
    let placed = rows.first().ok_or(StoreError::Database(sqlx::Error::RowNotFound))?;
    Ok(placed.build(submission, now))
}

/// Takes the key for this build. `false` when another request has it; two that come at
/// once wait for each other here.
async fn take_key(
    tx: &mut Tx,
    project: &str,
    idempotency: Idempotency<'_>,
    build: BuildId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const SQL: &str = "INSERT INTO idempotency_keys (project, key, request_digest, build, \
         created_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project, key) DO NOTHING";
    let taken = write!(*tx, connection => sqlx::query(SQL)
        .bind(project)
        .bind(idempotency.key)
        .bind(idempotency.request_digests.first().map_or("", String::as_str))
        .bind(build.as_uuid())
        .bind(now)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    Ok(taken == 1)
}

/// What the first request under this key was answered. `None` when there was none.
async fn replay(
    store: &Store,
    project: &str,
    idempotency: Idempotency<'_>,
) -> Result<Option<Submitted>, StoreError> {
    const SQL: &str = "SELECT request_digest, build FROM idempotency_keys \
         WHERE project = $1 AND key = $2";
    let row: Option<(String, Uuid)> = crate::db::read!(store, pool => sqlx::query_as(SQL)
        .bind(project)
        .bind(idempotency.key)
        .fetch_optional(pool)
        .await)?;
    let Some((request, build)) = row else { return Ok(None) };
    if !idempotency.request_digests.contains(&request) {
        return Ok(Some(Submitted::KeyTaken));
    }
    let build = super::find(store, BuildId::from_uuid(build)).await?;
    Ok(build.map(|build| Submitted::Before(Box::new(build))))
}

async fn seal(store: &Store, tx: &mut Tx, submission: &Submission<'_>) -> Result<(), StoreError> {
    const SQL: &str =
        "INSERT INTO sealed_secrets (build, key_id, nonce, ciphertext) VALUES ($1, $2, $3, $4)";
    let sealed = store.keys.seal(submission.id, &submission.secrets.expose_bytes())?;
    write!(*tx, connection => sqlx::query(SQL)
        .bind(submission.id.as_uuid())
        .bind(&sealed.key_id)
        .bind(&sealed.nonce)
        .bind(&sealed.ciphertext)
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}
