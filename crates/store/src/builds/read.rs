//! Builds, one or many.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, BuildState, Project};
use sqlx::QueryBuilder;

use super::Build;
use super::row::{Row, build_columns};
use crate::db::read;
use crate::{Store, StoreError};

/// Which builds a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this project's.
    pub project: Option<Project>,
    /// Only those in this state.
    pub state: Option<BuildState>,
    /// Only those of this image: a full reference, or a repository for all its tags.
    pub image: Option<String>,
    /// Only those older than this place.
    pub before: Option<Position>,
}

/// A place in the list: by time, and by id among builds of the same microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// When the build was accepted.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: BuildId,
}

/// The build with this id.
///
/// # Errors
/// When the database does not answer, or the row cannot be read.
pub async fn find(store: &Store, id: BuildId) -> Result<Option<Build>, StoreError> {
    const SQL: &str = concat!("SELECT ", build_columns!(), " FROM builds WHERE id = $1");
    let row: Option<Row> = read!(store, pool => sqlx::query_as(SQL)
        .bind(id.as_uuid())
        .fetch_optional(pool)
        .await)?;
    row.map(Build::try_from).transpose()
}

/// Builds, newest first: at most `limit`.
///
/// # Errors
/// When the database does not answer, or a row cannot be read.
pub async fn list(store: &Store, filter: &Filter, limit: u16) -> Result<Vec<Build>, StoreError> {
    const SQL: &str = concat!("SELECT ", build_columns!(), " FROM builds WHERE true");
    // PostgreSQL takes no NUL in a text, and no image has one.
    if filter.image.as_deref().is_some_and(|image| image.contains('\0')) {
        return Ok(Vec::new());
    }
    // Only the conditions that are asked for: with `$1 IS NULL OR …` around each, SQLite
    // walks through all builds, because it plans before it knows the values.
    let rows: Vec<Row> = read!(store, pool => {
        let mut query = QueryBuilder::new(SQL);
        if let Some(project) = &filter.project {
            query.push(" AND project = ").push_bind(project.as_str());
        }
        if let Some(state) = filter.state {
            query.push(" AND status = ").push_bind(state.as_str());
        }
        if let Some(image) = filter.image.as_deref() {
            query.push(" AND repository = ").push_bind(repository(image));
            if repository(image) != image {
                query.push(" AND image = ").push_bind(image);
            }
        }
        if let Some(Position { created_at, id }) = filter.before {
            query.push(" AND (created_at, id) < (").push_bind(created_at);
            query.push(", ").push_bind(id.as_uuid()).push(")");
        }
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
        query.build_query_as().fetch_all(pool).await
    })?;
    rows.into_iter().map(Build::try_from).collect()
}

/// An image's name without its tag. A colon before the last slash belongs to a port.
fn repository(image: &str) -> &str {
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}
