//! What a process says of the Docker hosts.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use slipway_api_types::{CheckView, HealthStatus};
use slipway_domain::HostName;
use slipway_store::hosts::{FRESH, Host};

use super::{check, well};

/// What the Docker hosts are to a process.
#[derive(Clone, Default)]
pub enum Hosts {
    /// It takes builds, which can wait: what is wrong with a host is only told.
    #[default]
    Reported,
    /// It works on them: with none that can be used it is not ready.
    Own {
        /// Their names.
        names: BTreeSet<HostName>,
        /// Those of them that can be used now.
        usable: Usable,
    },
}

/// Asks which hosts can be used now.
pub type Usable = Arc<dyn Fn() -> BTreeSet<HostName> + Send + Sync>;

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("Reported"),
            Self::Own { names, .. } => f.debug_struct("Own").field("names", names).finish(),
        }
    }
}

/// Whether builds are given to a host, as a process sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Takes,
    /// An operator has taken it out of service: as it is then, it is as it should be.
    Drained,
    Broken,
}

/// Of a process that only hears of them.
pub(super) fn reported(hosts: &[Host], now: DateTime<Utc>) -> Vec<CheckView> {
    if hosts.is_empty() {
        let message = "no worker has reported a Docker host; builds wait".to_owned();
        return vec![check("hosts", HealthStatus::Degraded, Some(message))];
    }
    let mut standings = Vec::new();
    let mut checks = Vec::new();
    for host in hosts {
        let label = format!("host {}", host.name);
        let problem = problem(host, now);
        let (standing, said) = match problem {
            _ if host.drained => (Standing::Drained, well(&label)),
            None => (Standing::Takes, well(&label)),
            problem => (Standing::Broken, check(&label, HealthStatus::Degraded, problem)),
        };
        standings.push(standing);
        checks.push(said);
    }
    checks.extend(nothing_is_built(&standings, HealthStatus::Degraded));
    checks
}

/// The hosts of a worker. What is wrong with one is in its row; a worker that could not
/// write it there still knows that the host cannot be used. That all are drained is what
/// somebody wants, and no reason to restart the worker or to call it not ready.
pub(super) fn own(
    names: &BTreeSet<HostName>,
    usable: &BTreeSet<HostName>,
    rows: &[Host],
) -> Vec<CheckView> {
    let row = |name: &HostName| rows.iter().find(|host| host.name == *name);
    let is_drained = |name: &HostName| row(name).is_some_and(|host| host.drained);
    let worst = if usable.is_empty() && !names.iter().all(is_drained) {
        HealthStatus::Unavailable
    } else {
        HealthStatus::Degraded
    };
    let mut standings = Vec::new();
    let mut checks = Vec::new();
    for name in names {
        let label = format!("host {name}");
        let (standing, said) = if is_drained(name) {
            (Standing::Drained, well(&label))
        } else if usable.contains(name) {
            (Standing::Takes, well(&label))
        } else {
            let problem = row(name).and_then(|host| host.problem.clone());
            let problem = problem.unwrap_or_else(|| "cannot be used".into());
            (Standing::Broken, check(&label, worst, Some(problem)))
        };
        standings.push(standing);
        checks.push(said);
    }
    checks.extend(nothing_is_built(&standings, worst));
    checks
}

/// That no host takes builds, why, and what ends it. Each host alone may be as it should be.
fn nothing_is_built(standings: &[Standing], status: HealthStatus) -> Option<CheckView> {
    if standings.is_empty() || standings.contains(&Standing::Takes) {
        return None;
    }
    let all = standings.len();
    let drained = standings.iter().filter(|standing| **standing == Standing::Drained).count();
    let undrain = "undrained (POST /api/v2/hosts/{name}/undrain)";
    let message = match (all, drained) {
        (1, 0) => "the only host cannot be used: nothing will be built until it can".to_owned(),
        (1, _) => format!("the only host is drained: nothing will be built until it is {undrain}"),
        (_, 0) => format!("none of {all} hosts can be used: nothing will be built until one can"),
        (_, drained) if drained == all => {
            format!("all {all} hosts are drained: nothing will be built until one is {undrain}")
        }
        (_, drained) => format!(
            "no host takes builds, {drained} of {all} being drained and the rest unusable: nothing \
             will be built until one is mended or {undrain}"
        ),
    };
    Some(check("hosts", status, Some(message)))
}

/// What is wrong with a host.
fn problem(host: &Host, now: DateTime<Utc>) -> Option<String> {
    if now - host.probed_at > FRESH {
        return Some(format!("no worker has reported it since {}", host.probed_at.to_rfc3339()));
    }
    host.problem.clone()
}
