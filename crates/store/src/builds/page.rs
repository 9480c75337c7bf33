//! Builds by how many come before them, for those who page that way. [`list`](super::list)
//! goes by key, which stays cheap however far one pages and loses nothing meanwhile.

use super::Build;
use super::row::{Row, build_columns};
use crate::db::read;
use crate::{Store, StoreError};

/// Builds of all projects, newest first: at most `limit` after the first `offset`.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn page(store: &Store, offset: u32, limit: u16) -> Result<Vec<Build>, StoreError> {
    const SQL: &str = concat!(
        "SELECT ",
        build_columns!(),
        " FROM builds ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2"
    );
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(i64::from(limit))
        .bind(i64::from(offset))
        .fetch_all(pool)
        .await)?;
    rows.into_iter().map(Build::try_from).collect()
}

/// How many builds there are.
///
/// # Errors
/// When the database does not answer.
pub async fn count(store: &Store) -> Result<u64, StoreError> {
    const SQL: &str = "SELECT count(*) FROM builds";
    let count: i64 = read!(store, pool => sqlx::query_scalar(SQL).fetch_one(pool).await)?;
    Ok(u64::try_from(count).unwrap_or_default())
}
