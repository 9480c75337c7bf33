//! What was said is read in order, from any number on, from rows or from where they were moved to.

use slipway_domain::{BuildId, Event};

use super::{Row, from_row};
use crate::archive::{self, Wanted};
use crate::db::read;
use crate::{Store, StoreError};

/// Events after number `after`, in order: at most `limit`. Those of a build whose log was moved
/// come from its blob, here as in the other functions that read events.
///
/// # Errors
/// When the database does not answer, or a row cannot be read; [`StoreError::LogAway`] and
/// [`StoreError::LogMissing`] of a log that was moved.
pub async fn after(
    store: &Store,
    build: BuildId,
    after: i64,
    limit: u16,
) -> Result<Vec<Event>, StoreError> {
    const SQL: &str = "SELECT seq, at, attempt, body FROM events \
         WHERE build = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(build.as_uuid())
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
    if rows.is_empty() {
        return archive::after(store, build, after, Wanted { limit, ..Wanted::ALL }).await;
    }
    rows.into_iter().map(|row| from_row(build, row)).collect()
}

/// Events after number `after`, in order: at most `limit`, and no more of them than hold `bytes`
/// together; one, however large it is.
///
/// # Errors
/// As [`after`].
pub async fn batch_after(
    store: &Store,
    build: BuildId,
    after: i64,
    limit: u16,
    bytes: u32,
) -> Result<Vec<Event>, StoreError> {
    let rows = rows_after(store, build, after, limit, bytes).await?;
    if rows.is_empty() {
        let wanted = Wanted { limit, bytes: Some(bytes), ..Wanted::ALL };
        return archive::after(store, build, after, wanted).await;
    }
    rows.into_iter().map(|row| from_row(build, row)).collect()
}

/// [`batch_after`], of the rows alone and as they are.
pub(crate) async fn rows_after(
    store: &Store,
    build: BuildId,
    after: i64,
    limit: u16,
    bytes: u32,
) -> Result<Vec<Row>, StoreError> {
    // octet_length() knows the size of a text without reading it.
    const SQL: &str = "SELECT seq, at, attempt, body FROM (SELECT seq, at, attempt, body, \
         sum(octet_length(body)) OVER (ORDER BY seq) - octet_length(body) AS bytes_before \
         FROM (SELECT seq, at, attempt, body FROM events \
         WHERE build = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS following) AS measured \
         WHERE bytes_before < $4 ORDER BY seq";
    Ok(read!(store, pool => sqlx::query_as(SQL)
        .bind(build.as_uuid())
        .bind(after)
        .bind(i64::from(limit))
        .bind(i64::from(bytes))
        .fetch_all(pool)
        .await)?)
}

/// Whether no event after number `after` will ever come: the build is over and its last
/// event is not after it, or there is no such build.
///
/// # Errors
/// When the database does not answer.
pub async fn none_after(store: &Store, build: BuildId, after: i64) -> Result<bool, StoreError> {
    const SQL: &str = "SELECT count(*) FROM builds \
         WHERE id = $1 AND (finished_at IS NULL OR last_seq > $2)";
    let to_come: i64 = read!(store, pool => sqlx::query_scalar(SQL)
        .bind(build.as_uuid())
        .bind(after)
        .fetch_one(pool)
        .await)?;
    Ok(to_come == 0)
}
