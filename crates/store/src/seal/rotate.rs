//! Seals what is sealed with an old key once more, with the current one.
//!
//! Small transactions, each of which holds only the rows that it changes: builds are submitted,
//! claimed and ended meanwhile. A row that is gone by then belonged to a build that ended.

use std::collections::BTreeMap;

use slipway_domain::BuildId;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::Sealed;
use crate::db::{read, write};
use crate::{Store, StoreError};

/// Rows in one transaction. One may have some MiB.
const BATCH: i64 = 20;

/// What came of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// Builds whose secrets were sealed once more.
    pub resealed: u64,
    /// Builds whose secrets are still sealed with another key than the current one, by the
    /// name of that key: it is not in the ring, or somebody still seals with it.
    pub left: BTreeMap<String, u64>,
}

#[derive(FromRow)]
struct Row {
    build: Uuid,
    key_id: String,
    nonce: Vec<u8>,
    ciphertext: Vec<u8>,
}

/// Seals the secrets of all builds that are not over with the current key. What is sealed with
/// a key that is not in the ring, or was changed, stays as it is.
///
/// # Errors
/// When the database does not answer, or the ring is empty. What was sealed by then stays so;
/// the next run does the rest.
pub async fn rotate(store: &Store) -> Result<Rotated, StoreError> {
    let Some(current) = store.keys.current() else {
        return Err(StoreError::Settings("there is no key to seal with".into()));
    };
    let mut resealed = 0;
    let mut last = Uuid::nil();
    while let Some(batch) = reseal_batch(store, current, last).await? {
        resealed += batch.resealed;
        last = batch.last;
    }
    Ok(Rotated { resealed, left: under_other_keys(store, current).await? })
}

struct Batch {
    resealed: u64,
    last: Uuid,
}

/// The rows that come next after `last`; `None` when there are no more.
async fn reseal_batch(
    store: &Store,
    current: &str,
    last: Uuid,
) -> Result<Option<Batch>, StoreError> {
    let mut tx = store.begin().await?;
    let sql = format!(
        "SELECT build, key_id, nonce, ciphertext FROM sealed_secrets \
         WHERE key_id <> $1 AND build > $2 ORDER BY build LIMIT $3{}",
        tx.for_update()
    );
    let rows: Vec<Row> = write!(tx, connection => sqlx::query_as(AssertSqlSafe(sql))
        .bind(current)
        .bind(last)
        .bind(BATCH)
        .fetch_all(connection)
        .await)?;
    let Some(last) = rows.last().map(|row| row.build) else { return Ok(None) };
    const SQL: &str = "UPDATE sealed_secrets SET key_id = $2, nonce = $3, ciphertext = $4 \
         WHERE build = $1";
    let mut resealed = 0;
    for row in rows {
        let build = BuildId::from_uuid(row.build);
        let before = Sealed { key_id: row.key_id, nonce: row.nonce, ciphertext: row.ciphertext };
        let plain = match store.keys.open(build, &before) {
            Ok(plain) => plain,
            Err(error) => {
                tracing::warn!(build.id = %build, %error, "sealed secrets stay as they are");
                continue;
            }
        };
        let after = store.keys.seal(build, &plain)?;
        write!(tx, connection => sqlx::query(SQL)
            .bind(row.build)
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
    current: &str,
) -> Result<BTreeMap<String, u64>, StoreError> {
    const SQL: &str = "SELECT key_id, count(*) FROM sealed_secrets WHERE key_id <> $1 \
         GROUP BY key_id";
    let rows: Vec<(String, i64)> = read!(store, pool => sqlx::query_as(SQL)
        .bind(current)
        .fetch_all(pool)
        .await)?;
    Ok(rows.into_iter().map(|(key, count)| (key, u64::try_from(count).unwrap_or(0))).collect())
}
