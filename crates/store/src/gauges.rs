//! How everything stands, for whoever watches from outside: one look at the rows, cheap
//! enough to be taken every few seconds however long the line is.
//!
//! Finished builds are not counted here: there may be millions. Those are counted as they
//! end.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildState, Platform};
use sqlx::FromRow;

use crate::db::read;
use crate::hosts::{self, Host};
use crate::{Store, StoreError};

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauges {
    /// The line, by the platform that is asked for.
    pub lines: Vec<Line>,
    /// Builds that are not over, by state. States that no build is in are not listed.
    pub states: Vec<(BuildState, u64)>,
    /// Bells that are still to be rung.
    pub outbox: Backlog,
    /// Followers that are to be told something now and that nobody has in hand, of the ten
    /// thousand whose turn came first. Since when: since it happened, or since the end of the wait
    /// after a try in vain.
    pub followers: Backlog,
    /// Deliveries of forges that are still to be worked off.
    pub inbox: Backlog,
    /// The hosts, and how many builds run on each.
    pub hosts: Vec<Host>,
}

/// Builds that wait for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `None` where the host's own will do.
    pub platform: Option<Platform>,
    /// How many, and since when.
    pub waiting: Backlog,
}

/// Things that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many.
    pub count: u64,
    /// Since when the oldest waits; `None` where there is none.
    pub oldest: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct BacklogRow {
    count: i64,
    oldest: Option<DateTime<Utc>>,
}

#[derive(FromRow)]
struct LineRow {
    platform: String,
    #[sqlx(flatten)]
    waiting: BacklogRow,
}

/// Takes one look. Builds of a platform or state that this release does not know are left
/// out.
///
/// # Errors
/// When the database does not answer.
pub async fn gauges(store: &Store) -> Result<Gauges, StoreError> {
    // By the expression that the index of the line has: SQLite then reads nothing else.
    const LINES: &str = "SELECT COALESCE(platform, '') AS platform, count(*) AS count, \
         min(created_at) AS oldest FROM builds WHERE status = 'queued' \
         GROUP BY COALESCE(platform, '') ORDER BY 1";
    const STATES: &str = "SELECT status, count(*) FROM builds \
         WHERE status IN ('preparing', 'building', 'pushing', 'purging') GROUP BY status";
    const OUTBOX: &str = "SELECT count(*) AS count, min(created_at) AS oldest FROM outbox";
    // As the courier looks, in `followers::take`, and of so many at most. Most followers that
    // wait know all that there is: of each of them this is one look into an index.
    const FOLLOWERS: &str = "SELECT count(*) AS count, \
         min(CASE WHEN happened > due_at THEN happened ELSE due_at END) AS oldest FROM (SELECT due_at, \
         (SELECT e.at FROM events AS e WHERE e.build = f.build \
         AND e.seq > CASE WHEN kind = 'logs' AND told_seq < 1 THEN 1 ELSE told_seq END \
         AND (kind = 'logs' OR substr(e.body, 1, 15) = '{\"kind\":\"state\"') \
         ORDER BY e.seq LIMIT 1) AS happened FROM followers AS f \
         WHERE (state = 'waiting' OR resend_asked_at IS NOT NULL) AND state = 'waiting' \
         AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1) \
         ORDER BY due_at LIMIT 10000) AS due WHERE happened IS NOT NULL";
    const INBOX: &str = "SELECT count(*) AS count, min(received_at) AS oldest \
         FROM webhook_deliveries WHERE worked_at IS NULL";
    let lines: Vec<LineRow> = read!(store, pool => sqlx::query_as(LINES).fetch_all(pool).await)?;
    let states: Vec<(String, i64)> =
        read!(store, pool => sqlx::query_as(STATES).fetch_all(pool).await)?;
    let outbox: BacklogRow = read!(store, pool => sqlx::query_as(OUTBOX).fetch_one(pool).await)?;
    let followers: BacklogRow = read!(store, pool => sqlx::query_as(FOLLOWERS)
        .bind(store.now())
        .fetch_one(pool)
        .await)?;
    let inbox: BacklogRow = read!(store, pool => sqlx::query_as(INBOX).fetch_one(pool).await)?;
    let lines: Vec<Line> = lines.into_iter().filter_map(line).collect();
    let queued = lines.iter().map(|line| line.waiting.count).sum();
    let running = states
        .into_iter()
        .filter_map(|(status, count)| Some((status.parse().ok()?, u64::try_from(count).ok()?)));
    Ok(Gauges {
        states: [(BuildState::Queued, queued)].into_iter().chain(running).collect(),
        lines,
        outbox: outbox.into(),
        followers: followers.into(),
        inbox: inbox.into(),
        hosts: hosts::all(store).await?,
    })
}

fn line(row: LineRow) -> Option<Line> {
    let named = Some(row.platform.as_str()).filter(|name| !name.is_empty());
    let platform = named.map(Platform::parse).transpose().ok()?;
    Some(Line { platform, waiting: row.waiting.into() })
}

impl From<BacklogRow> for Backlog {
    fn from(row: BacklogRow) -> Self {
        Self { count: u64::try_from(row.count).unwrap_or(0), oldest: row.oldest }
    }
}
