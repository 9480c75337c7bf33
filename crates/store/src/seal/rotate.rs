//! Seals what is sealed with an old key once more, with the current one: secrets of builds and
//! of triggers, and addresses of followers.
//!
//! Small transactions, each of which holds only the rows that it changes: builds are submitted,
//! claimed and ended meanwhile. A row that is gone by then belonged to a build that ended.

use std::collections::BTreeMap;

use slipway_domain::{BuildId, FollowerId, TriggerId};
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::{KeyRing, Sealed};
use crate::db::{read, write};
use crate::{Store, StoreError};

/// Rows in one transaction. One may have some MiB.
const BATCH: i64 = 20;

/// What came of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Builds and triggers whose secrets, and followers whose addresses were sealed once more.
    pub resealed: u64,
    /// Those that are still sealed with another key than the current one, by the name of that
    /// key: it is not in the ring, or somebody still seals with it.
    pub left: BTreeMap<String, u64>,
}

/// A table that has sealed rows, and the column by whose value each is sealed.
#[derive(Debug, Clone, Copy)]
enum Table {
    Builds,
    Followers,
    Triggers,
}

impl Table {
    const ALL: [Self; 3] = [Self::Builds, Self::Followers, Self::Triggers];

    const fn name(self) -> &'static str {
        match self {
            Self::Builds => "sealed_secrets",
            Self::Followers => "followers",
            Self::Triggers => "sealed_trigger_secrets",
        }
    }

    const fn owner(self) -> &'static str {
        match self {
            Self::Builds => "build",
            Self::Followers => "id",
            Self::Triggers => "trigger_id",
        }
    }

    fn open(self, keys: &KeyRing, owner: Uuid, sealed: &Sealed) -> Result<Vec<u8>, StoreError> {
        match self {
            Self::Builds => keys.open(BuildId::from_uuid(owner), sealed),
            Self::Followers => keys.open_follower(FollowerId::from_uuid(owner), sealed),
            Self::Triggers => keys.open_trigger(TriggerId::from_uuid(owner), sealed),
        }
    }

    fn seal(self, keys: &KeyRing, owner: Uuid, plain: &[u8]) -> Result<Sealed, StoreError> {
        match self {
            Self::Builds => keys.seal(BuildId::from_uuid(owner), plain),
            Self::Followers => keys.seal_follower(FollowerId::from_uuid(owner), plain),
            Self::Triggers => keys.seal_trigger(TriggerId::from_uuid(owner), plain),
        }
    }
}

#[derive(FromRow)]
struct Row {
    owner: Uuid,
    key_id: String,
    nonce: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Seals with the current key what is sealed with another. What is sealed with a key that is
/// not in the ring, or was changed, stays as it is.
///
/// # Errors
/// When the database does not answer, or the ring is empty. What was sealed by then stays so;
/// the next run does the rest.
pub async fn rotate(store: &Store) -> Result<Rotated, StoreError> {
    let Some(current) = store.keys.current() else {
        return Err(StoreError::Settings("there is no key to seal with".into()));
    };
    let mut rotated = Rotated { resealed: 0, left: BTreeMap::new() };
    for table in Table::ALL {
        let mut last = Uuid::nil();
        while let Some(batch) = reseal_batch(store, table, current, last).await? {
            rotated.resealed += batch.resealed;
            last = batch.last;
        }
        for (key, count) in under_other_keys(store, table, current).await? {
            *rotated.left.entry(key).or_default() += u64::try_from(count).unwrap_or(0);
        }
    }
    Ok(rotated)
}

struct Batch {
    resealed: u64,
    last: Uuid,
}

/// The rows that come next after `last`; `None` when there are no more.
async fn reseal_batch(
    store: &Store,
    table: Table,
    current: &str,
    last: Uuid,
) -> Result<Option<Batch>, StoreError> {
    let mut tx = store.begin().await?;
    let (name, owner) = (table.name(), table.owner());
    let select = format!(
        "SELECT {owner} AS owner, key_id, nonce, ciphertext FROM {name} \
         WHERE key_id <> $1 AND {owner} > $2 ORDER BY {owner} LIMIT $3{}",
        tx.for_update()
    );
    let rows: Vec<Row> = write!(tx, connection => sqlx::query_as(AssertSqlSafe(select))
        .bind(current)
        .bind(last)
        .bind(BATCH)
        .fetch_all(connection)
        .await)?;
    let Some(last) = rows.last().map(|row| row.owner) else { return Ok(None) };
    let update =
        format!("UPDATE {name} SET key_id = $2, nonce = $3, ciphertext = $4 WHERE {owner} = $1");
    let mut resealed = 0;
    for row in rows {
        let before = Sealed { key_id: row.key_id, nonce: row.nonce, ciphertext: row.ciphertext };
        let plain = match table.open(&store.keys, row.owner, &before) {
            Ok(plain) => plain,
            Err(error) => {
                tracing::warn!(%error, "what is sealed stays as it is");
                continue;
            }
        };
        let after = table.seal(&store.keys, row.owner, &plain)?;
        write!(tx, connection => sqlx::query(AssertSqlSafe(update.as_str()))
            .bind(row.owner)
            .bind(&after.key_id)
            .bind(&after.nonce)
            .bind(&after.ciphertext)
            .execute(connection)
            .await
            .map(drop))?;
        resealed += 1;
    }
    tx.commit().await?;
    Ok(Some(Batch { resealed, last }))
}

async fn under_other_keys(
    store: &Store,
    table: Table,
    current: &str,
) -> Result<Vec<(String, i64)>, StoreError> {
    let name = table.name();
    let sql = format!("SELECT key_id, count(*) FROM {name} WHERE key_id <> $1 GROUP BY key_id");
    Ok(read!(store, pool => sqlx::query_as(AssertSqlSafe(sql.as_str()))
        .bind(current)
        .fetch_all(pool)
        .await)?)
}
