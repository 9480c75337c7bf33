//! Why a build still waits, and where it stands in line.

use chrono::{DateTime, Utc};
use slipway_domain::{BuildState, Platform};
use sqlx::QueryBuilder;

use super::{Build, line};
use crate::db::read;
use crate::hosts::Host;
use crate::projects::Whose;
use crate::{Store, StoreError, hosts, projects};

/// Further back than this, a place in line is not counted out.
const COUNTED: i64 = 10_000;

/// A waiting build's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// In words for its sender.
    pub reason: String,
    /// How many builds are before it, counted up to 10,000; 0 is next.
    pub position: u64,
    /// Since when it waits.
    pub since: DateTime<Utc>,
}

/// Says why `build` waits. `None` when it does not.
///
/// # Errors
/// When the database does not answer.
pub async fn waiting(
    store: &Store,
    build: &Build,
    now: DateTime<Utc>,
) -> Result<Option<Waiting>, StoreError> {
    if build.state != BuildState::Queued {
        return Ok(None);
    }
    let hosts = hosts::all(store).await?;
    // What was said of a host by workers that are gone is no reason for anything.
    let (hosts, unseen): (Vec<Host>, Vec<Host>) =
        hosts.into_iter().partition(|host| now - host.probed_at < hosts::FRESH);
    let ahead = ahead(store, build, &hosts).await?;
    let position = u64::try_from(ahead).unwrap_or(0);
    let reason = match about_hosts(build, &hosts, &unseen) {
        Some(reason) => reason,
        None => match about_itself(store, build, now).await? {
            Some(reason) => reason,
            None => about_the_line(build, &hosts, position),
        },
    };
    Ok(Some(Waiting { reason, position, since: build.created_at }))
}

/// How many builds go before this one as things stand: those of a higher priority, and in
/// its own those of an earlier round. Only builds for its platform or for any count, since
/// no other takes a slot from it; and not how long each has waited, which changes that.
async fn ahead(store: &Store, build: &Build, hosts: &[Host]) -> Result<i64, StoreError> {
    let priority = i32::from(build.spec.priority);
    let mut platforms: Vec<&str> = match &build.spec.platform {
        Some(wanted) => vec![wanted.as_str()],
        None => hosts.iter().flat_map(|host| &host.platforms).map(Platform::as_str).collect(),
    };
    platforms.push(line::ANY);
    platforms.sort_unstable();
    platforms.dedup();
    // Two looks, each along the index.
    let (higher, same): (i64, i64) = read!(store, pool => {
        let mut query = QueryBuilder::new("SELECT (SELECT count(*) FROM (");
        push_line(&mut query, &platforms);
        query.push(" AND priority > ").push_bind(priority);
        query.push(" LIMIT ").push_bind(COUNTED).push(") AS higher), (SELECT count(*) FROM (");
        push_line(&mut query, &platforms);
        query.push(" AND priority = ").push_bind(priority);
        query.push(" AND (round, created_at, id) < (").push_bind(build.round);
        query.push(", ").push_bind(build.created_at).push(", ").push_bind(build.id.as_uuid());
        query.push(") LIMIT ").push_bind(COUNTED).push(") AS same)");
        query.build_query_as().fetch_one(pool).await
    })?;
    Ok((higher + same).min(COUNTED))
}

fn push_line<'a, DB>(query: &mut QueryBuilder<DB>, platforms: &[&'a str])
where
    DB: sqlx::Database,
    &'a str: sqlx::Encode<'a, DB> + sqlx::Type<DB>,
{
    query.push("SELECT 1 FROM builds WHERE status = 'queued' AND COALESCE(platform, '') IN (");
    let mut list = query.separated(", ");
    for platform in platforms {
        list.push_bind(*platform);
    }
    query.push(")");
}

/// What keeps every build like this one off the hosts. At those that are `unseen` no worker looks.
fn about_hosts(build: &Build, hosts: &[Host], unseen: &[Host]) -> Option<String> {
    if hosts.is_empty() {
        return Some(if unseen.is_empty() {
            "no worker has reported a Docker host".into()
        } else {
            "no worker is running: none has looked at a host for a minute".into()
        });
    }
    let wanted = build.spec.platform.as_ref();
    let fitting: Vec<&Host> = hosts.iter().filter(|host| host.builds_for(wanted)).collect();
    if let (Some(platform), true) = (wanted, fitting.is_empty()) {
        let unseen = unseen.iter().find(|host| host.builds_for(wanted));
        return Some(match unseen {
            Some(Host { name, .. }) => {
                format!("no host for {platform}: no worker looks at {name}, which was one")
            }
            None => format!("no host for {platform}"),
        });
    }
    let (drained, serving): (Vec<&Host>, Vec<&Host>) = fitting.into_iter().partition(|h| h.drained);
    if serving.is_empty() {
        let names: Vec<&str> = drained.iter().map(|host| host.name.as_str()).collect();
        return Some(match names.as_slice() {
            [one] => format!("host {one} drained"),
            several => format!("hosts {} drained", several.join(", ")),
        });
    }
    if serving.iter().all(|host| host.problem.is_some()) {
        let problem = |host: &&Host| {
            format!("{}: {}", host.name, host.problem.as_deref().unwrap_or_default())
        };
        let problems: Vec<String> = serving.iter().map(problem).collect();
        return Some(format!("no Docker host can be used: {}", problems.join("; ")));
    }
    None
}

/// What keeps this build or its project back.
async fn about_itself(
    store: &Store,
    build: &Build,
    now: DateTime<Utc>,
) -> Result<Option<String>, StoreError> {
    if let Some(obstacle) = &build.obstacle {
        return Ok(Some(obstacle.clone()));
    }
    if build.not_before > now {
        return Ok(Some("its last attempt was cut off; it is tried again in a moment".into()));
    }
    let project = projects::one(store, &Whose::Of(build.spec.project.clone())).await?;
    let running = project.running;
    let limit = project.max_running.filter(|limit| running >= u64::from(*limit));
    Ok(limit.map(|limit| format!("project limit {running} of {limit}")))
}

fn about_the_line(build: &Build, hosts: &[Host], position: u64) -> String {
    let wanted = build.spec.platform.as_ref();
    let usable = |host: &&Host| !host.drained && host.problem.is_none() && host.builds_for(wanted);
    let slots: u32 = hosts.iter().filter(usable).map(|host| host.slots).sum();
    let running: u32 = hosts.iter().filter(usable).map(|host| host.running).sum();
    if running >= slots {
        return format!("all {slots} slots busy");
    }
    match position {
        0 => "next in line".into(),
        1 => "1 build is before it".into(),
        ahead if ahead >= COUNTED.unsigned_abs() => format!("{ahead} builds or more are before it"),
        ahead => format!("{ahead} builds are before it"),
    }
}
