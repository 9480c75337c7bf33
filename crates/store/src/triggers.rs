//! Triggers that were made over the API, with their secrets sealed.

use chrono::{DateTime, Utc};
use slipway_domain::{Trigger, TriggerDefinition, TriggerId, TriggerSecrets};
use sqlx::FromRow;
use uuid::Uuid;

use crate::db::{Tx, read, write};
use crate::seal::Sealed;
use crate::{Store, StoreError};

/// A trigger as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its id.
    pub id: TriggerId,
    /// What it does.
    pub trigger: Trigger,
    /// What it knows.
    pub secrets: TriggerSecrets,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// How a trigger is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// By its id.
    Id(TriggerId),
    /// By its name.
    Name(&'a str),
}

/// What became of writing one down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is kept.
    Kept,
    /// Another one has its name.
    NameTaken,
    /// There is none to be changed.
    Gone,
}

#[derive(FromRow)]
struct Row {
    id: Uuid,
    definition: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    key_id: Option<String>,
    nonce: Option<Vec<u8>>,
    ciphertext: Option<Vec<u8>>,
}

macro_rules! kept {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.definition, t.created_at, t.updated_at, \
             s.key_id, s.nonce, s.ciphertext \
             FROM build_triggers t LEFT JOIN sealed_trigger_secrets s ON s.trigger_id = t.id ",
            $rest
        )
    };
}

/// All of them, by name. One that this release cannot read, or whose secrets no key opens, is
/// left out and logged: the others are not to stand still for it.
///
/// # Errors
/// When the database does not answer.
pub async fn all(store: &Store) -> Result<Vec<Kept>, StoreError> {
    const SQL: &str = kept!("ORDER BY t.name");
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL).fetch_all(pool).await)?;
    let kept = rows.into_iter().filter_map(|row| {
        let id = row.id;
        row.into_kept(store)
            .inspect_err(|error| tracing::error!(trigger.id = %id, %error, "a trigger is left out"))
            .ok()
    });
    Ok(kept.collect())
}

/// One of them.
///
/// # Errors
/// When the database does not answer, the row is none of this release's, or no key opens its
/// secrets.
pub async fn find(store: &Store, named: Named<'_>) -> Result<Option<Kept>, StoreError> {
    const BY_ID: &str = kept!("WHERE t.id = $1");
    const BY_NAME: &str = kept!("WHERE t.name = $1");
    let row: Option<Row> = match named {
        Named::Id(id) => read!(store, pool => sqlx::query_as(BY_ID)
            .bind(id.as_uuid())
            .fetch_optional(pool)
            .await)?,
        Named::Name(name) => read!(store, pool => sqlx::query_as(BY_NAME)
            .bind(name)
            .fetch_optional(pool)
            .await)?,
    };
    row.map(|row| row.into_kept(store)).transpose()
}

/// Writes down a new one.
///
/// # Errors
/// When the database does not answer.
pub async fn insert(
    store: &Store,
    id: TriggerId,
    trigger: &Trigger,
    secrets: &TriggerSecrets,
    now: DateTime<Utc>,
) -> Result<Written, StoreError> {
    const SQL: &str = "INSERT INTO build_triggers (id, name, definition, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $4) ON CONFLICT (name) DO NOTHING";
    let mut tx = store.begin().await?;
    // Against another that is given this name just now.
    tx.alone_with(&lock_of(trigger.name().as_str())).await?;
    let written = write!(tx, connection => sqlx::query(SQL)
        .bind(id.as_uuid())
        .bind(trigger.name().as_str())
        .bind(json(trigger))
        .bind(now)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    if written == 0 {
        return Ok(Written::NameTaken);
    }
    seal(store, &mut tx, id, secrets).await?;
    tx.commit().await?;
    Ok(Written::Kept)
}

/// Who wants a name for a trigger is alone with this, because there may be no row of it yet.
fn lock_of(name: &str) -> String {
    format!("trigger {name}")
}

/// Puts another in the place of one.
///
/// # Errors
/// When the database does not answer.
pub async fn update(
    store: &Store,
    id: TriggerId,
    trigger: &Trigger,
    secrets: &TriggerSecrets,
    now: DateTime<Utc>,
) -> Result<Written, StoreError> {
    const TAKEN: &str = "SELECT id FROM build_triggers WHERE name = $1 AND id <> $2";
    const SQL: &str =
        "UPDATE build_triggers SET name = $2, definition = $3, updated_at = $4 WHERE id = $1";
    let name = trigger.name().as_str();
    let mut tx = store.begin().await?;
    // Two that want one name at once: the second finds the first.
    tx.alone_with(&lock_of(name)).await?;
    let taken: Option<Uuid> = write!(tx, connection => sqlx::query_scalar(TAKEN)
        .bind(name)
        .bind(id.as_uuid())
        .fetch_optional(connection)
        .await)?;
    if taken.is_some() {
        return Ok(Written::NameTaken);
    }
    let written = write!(tx, connection => sqlx::query(SQL)
        .bind(id.as_uuid())
        .bind(name)
        .bind(json(trigger))
        .bind(now)
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    if written == 0 {
        return Ok(Written::Gone);
    }
    seal(store, &mut tx, id, secrets).await?;
    tx.commit().await?;
    Ok(Written::Kept)
}

/// Forgets one. `false` where there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(store: &Store, id: TriggerId) -> Result<bool, StoreError> {
    const SQL: &str = "DELETE FROM build_triggers WHERE id = $1";
    let mut tx = store.begin().await?;
    let removed = write!(tx, connection => sqlx::query(SQL)
        .bind(id.as_uuid())
        .execute(connection)
        .await
        .map(|done| done.rows_affected()))?;
    tx.commit().await?;
    Ok(removed == 1)
}

/// Texts, words and maps of strings: this cannot fail to serialise.
fn json(trigger: &Trigger) -> String {
    serde_json::to_string(trigger.definition()).unwrap_or_default()
}

async fn seal(
    store: &Store,
    tx: &mut Tx,
    id: TriggerId,
    secrets: &TriggerSecrets,
) -> Result<(), StoreError> {
    const NONE: &str = "DELETE FROM sealed_trigger_secrets WHERE trigger_id = $1";
    const SQL: &str = "INSERT INTO sealed_trigger_secrets (trigger_id, key_id, nonce, ciphertext) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (trigger_id) DO UPDATE SET \
         key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext";
    if secrets.is_empty() {
        write!(*tx, connection => sqlx::query(NONE)
            .bind(id.as_uuid())
            .execute(connection)
            .await
            .map(drop))?;
        return Ok(());
    }
    let sealed = store.keys.seal_trigger(id, &secrets.expose_bytes())?;
    write!(*tx, connection => sqlx::query(SQL)
        .bind(id.as_uuid())
        .bind(&sealed.key_id)
        .bind(&sealed.nonce)
        .bind(&sealed.ciphertext)
        .execute(connection)
        .await
        .map(drop))?;
    Ok(())
}

impl Row {
    fn into_kept(self, store: &Store) -> Result<Kept, StoreError> {
        let corrupt = |problem: String| StoreError::Corrupt {
            table: "build_triggers",
            column: "definition",
            row: self.id.to_string(),
            problem,
        };
        let definition: TriggerDefinition = serde_json::from_str(&self.definition)
            .map_err(|_| StoreError::unreadable("build_triggers", "definition", self.id))?;
        let trigger = definition.parse().map_err(|error| corrupt(error.to_string()))?;
        let id = TriggerId::from_uuid(self.id);
        let secrets = match (self.key_id, self.nonce, self.ciphertext) {
            (Some(key_id), Some(nonce), Some(ciphertext)) => {
                let plain = store.keys.open_trigger(id, &Sealed { key_id, nonce, ciphertext })?;
                TriggerSecrets::from_bytes(&plain)
                    .map_err(|problem| StoreError::SealedTrigger { trigger: id, problem })?
            }
            _ => TriggerSecrets::default(),
        };
        let (created_at, updated_at) = (self.created_at, self.updated_at);
        Ok(Kept { id, trigger, secrets, created_at, updated_at })
    }
}
