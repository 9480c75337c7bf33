//! What operators allow projects, and what each has in line and running.

use std::collections::BTreeMap;

use slipway_domain::Project;
use sqlx::FromRow;

use crate::db::{read, write};
use crate::{Store, StoreError};

/// The row that stands for every project without one of its own.
const EVERY_OTHER: &str = "*";

/// Whose limit is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// This project's.
    Of(Project),
    /// That of every project without one of its own.
    EveryOther,
}

/// A project as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectState {
    /// Its name; `*` for every project without a limit of its own.
    pub name: String,
    /// How many of its builds may run at once; `None` means any number.
    pub max_running: Option<u32>,
    /// Whether that was said of itself, and not of every project without a limit of its own.
    pub own_limit: bool,
    /// How many of its builds run now, counted from leases.
    pub running: u64,
}

/// How many builds of each project may run at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Limits(BTreeMap<String, Option<u32>>);

#[derive(FromRow)]
struct Row {
    name: String,
    max_running: Option<i32>,
}

impl Whose {
    fn as_str(&self) -> &str {
        match self {
            Self::Of(project) => project.as_str(),
            Self::EveryOther => EVERY_OTHER,
        }
    }
}

impl Limits {
    /// How many builds of `project` may run at once; `None` means any number.
    fn of(&self, project: &str) -> Option<u32> {
        *self.0.get(project).or_else(|| self.0.get(EVERY_OTHER))?
    }

    /// Whether that was said of this project itself.
    fn has_own(&self, project: &str) -> bool {
        self.0.contains_key(project)
    }

    fn from_rows(rows: Vec<Row>) -> Self {
        let limit = |limit: i32| u32::try_from(limit).unwrap_or(0);
        Self(rows.into_iter().map(|row| (row.name, row.max_running.map(limit))).collect())
    }
}

/// What is allowed to whom.
async fn limits(store: &Store) -> Result<Limits, StoreError> {
    const ALL: &str = "SELECT name, max_running FROM projects";
    let rows: Vec<Row> = read!(store, pool => sqlx::query_as(ALL).fetch_all(pool).await)?;
    Ok(Limits::from_rows(rows))
}

/// One project as it stands. What every other is allowed has nothing running itself.
///
/// # Errors
/// When the database does not answer.
pub async fn one(store: &Store, whose: &Whose) -> Result<ProjectState, StoreError> {
    const RUNNING: &str = "SELECT count(*) FROM leases l JOIN builds b ON b.id = l.build \
         WHERE b.project = $1";
    let name = whose.as_str();
    let running: i64 = read!(store, pool => sqlx::query_scalar(RUNNING)
        .bind(name)
        .fetch_one(pool)
        .await)?;
    let limits = limits(store).await?;
    Ok(ProjectState {
        name: name.to_owned(),
        max_running: limits.of(name),
        own_limit: limits.has_own(name),
        running: u64::try_from(running).unwrap_or(0),
    })
}

/// Every project that has a limit or something running, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn all(store: &Store) -> Result<Vec<ProjectState>, StoreError> {
    const RUNNING: &str = "SELECT b.project, count(*) FROM leases l \
         JOIN builds b ON b.id = l.build GROUP BY b.project";
    let running: Vec<(String, i64)> =
        read!(store, pool => sqlx::query_as(RUNNING).fetch_all(pool).await)?;
    let running: BTreeMap<String, i64> = running.into_iter().collect();
    let limits = limits(store).await?;
    let mut names: Vec<&String> = running.keys().chain(limits.0.keys()).collect();
    names.sort();
    names.dedup();
    let state = |name: &String| ProjectState {
        name: name.clone(),
        max_running: limits.of(name),
        own_limit: limits.has_own(name),
        running: running.get(name).map_or(0, |count| u64::try_from(*count).unwrap_or(0)),
    };
    Ok(names.into_iter().map(state).collect())
}

/// Sets how many builds may run at once; `None` for any number. What runs already goes on.
///
/// # Errors
/// When the database does not answer.
pub async fn set_max_running(
    store: &Store,
    whose: &Whose,
    max_running: Option<u32>,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO projects (name, max_running) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET max_running = excluded.max_running";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(whose.as_str())
        .bind(max_running.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)))
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}

/// Takes a project's own limit away, so that it has what every other has.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(store: &Store, whose: &Whose) -> Result<(), StoreError> {
    const SQL: &str = "DELETE FROM projects WHERE name = $1";
    let mut tx = store.begin().await?;
    write!(tx, connection => sqlx::query(SQL)
        .bind(whose.as_str())
        .execute(connection)
        .await
        .map(drop))?;
    tx.commit().await
}
