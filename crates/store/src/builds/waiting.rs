//! Why a build still waits, and where it stands in line.

use chrono::{DateTime, Utc};
use slipway_domain::BuildState;

use super::Build;
use crate::db::read;
use crate::hosts::Host;
use crate::{Store, StoreError};

/// A waiting build's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// In words for its sender.
    pub reason: String,
    /// How many builds are before it; 0 is next.
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
    const AHEAD: &str = "SELECT count(*) FROM builds \
         WHERE status = 'queued' AND (created_at, id) < ($1, $2)";
    if build.state != BuildState::Queued {
        return Ok(None);
    }
    let ahead: i64 = read!(store, pool => sqlx::query_scalar(AHEAD)
        .bind(build.created_at)
        .bind(build.id.as_uuid())
        .fetch_one(pool)
        .await)?;
    let position = u64::try_from(ahead).unwrap_or(0);
    let hosts = crate::hosts::all(store).await?;
    let reason = reason(build, &hosts, position, now);
    Ok(Some(Waiting { reason, position, since: build.created_at }))
}

fn reason(build: &Build, hosts: &[Host], position: u64, now: DateTime<Utc>) -> String {
    if hosts.is_empty() {
        return "no worker has reported a Docker host".into();
    }
    let wanted = build.spec.platform.as_ref();
    let fits = |host: &&Host| {
        wanted.is_none() || host.platform.is_none() || host.platform.as_ref() == wanted
    };
    let fitting: Vec<&Host> = hosts.iter().filter(fits).collect();
    if let (Some(platform), true) = (wanted, fitting.is_empty()) {
        return format!("no host for {platform}");
    }
    let (drained, serving): (Vec<&Host>, Vec<&Host>) = fitting.into_iter().partition(|h| h.drained);
    if serving.is_empty() {
        let names: Vec<&str> = drained.iter().map(|host| host.name.as_str()).collect();
        return format!("drained: {}", names.join(", "));
    }
    let usable: Vec<&&Host> = serving.iter().filter(|host| host.problem.is_none()).collect();
    if usable.is_empty() {
        let problems: Vec<String> = serving
            .iter()
            .map(|host| format!("{}: {}", host.name, host.problem.as_deref().unwrap_or_default()))
            .collect();
        return format!("no Docker host can be used: {}", problems.join("; "));
    }
    if build.not_before > now {
        return "its last attempt was cut off; it is tried again in a moment".into();
    }
    let slots: u32 = usable.iter().map(|host| host.slots).sum();
    let running: u32 = usable.iter().map(|host| host.running).sum();
    if running >= slots {
        return format!("all {slots} slots busy");
    }
    match position {
        0 => "next in line".into(),
        1 => "1 build is before it".into(),
        ahead => format!("{ahead} builds are before it"),
    }
}
