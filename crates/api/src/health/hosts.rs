//! What a process says of the Docker hosts.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use slipway_api_types::{CheckView, HealthStatus};
use slipway_domain::HostName;
use slipway_store::hosts::Host;

use super::{check, well};

/// What the Docker hosts are to a process.
#[derive(Clone)]
pub enum Hosts {
    /// It takes builds, which can wait: what is wrong with a host is only told.
    Reported {
        /// How long a host may go unreported before that counts as wrong.
        silence: Duration,
    },
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

impl Default for Hosts {
    fn default() -> Self {
        Self::Reported { silence: Duration::from_secs(120) }
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported { silence } => {
                f.debug_struct("Reported").field("silence", silence).finish()
            }
            Self::Own { names, .. } => f.debug_struct("Own").field("names", names).finish(),
        }
    }
}

/// Of a process that only hears of them.
pub(super) fn reported(hosts: &[Host], silence: Duration, now: DateTime<Utc>) -> Vec<CheckView> {
    if hosts.is_empty() {
        let message = "no worker has reported a Docker host; builds wait".to_owned();
        return vec![check("hosts", HealthStatus::Degraded, Some(message))];
    }
    hosts
        .iter()
        .map(|host| match problem(host, silence, now) {
            None => well(&format!("host {}", host.name)),
            problem => check(&format!("host {}", host.name), HealthStatus::Degraded, problem),
        })
        .collect()
}

/// The hosts of a worker. What is wrong with one is in its row; a worker that could not
/// write it there still knows that the host cannot be used.
pub(super) fn own(
    names: &BTreeSet<HostName>,
    usable: &BTreeSet<HostName>,
    rows: &[Host],
) -> Vec<CheckView> {
    let worst = if usable.is_empty() { HealthStatus::Unavailable } else { HealthStatus::Degraded };
    names
        .iter()
        .map(|name| {
            let label = format!("host {name}");
            if usable.contains(name) {
                return well(&label);
            }
            let row = rows.iter().find(|host| host.name == *name);
            let problem = row.and_then(|host| host.problem.clone());
            check(&label, worst, Some(problem.unwrap_or_else(|| "cannot be used".into())))
        })
        .collect()
}

/// Why a host takes no builds. One that an operator has drained is as it should be.
fn problem(host: &Host, silence: Duration, now: DateTime<Utc>) -> Option<String> {
    let silent = (now - host.probed_at).to_std().is_ok_and(|silent| silent > silence);
    if silent {
        return Some(format!("no worker has reported it since {}", host.probed_at.to_rfc3339()));
    }
    host.problem.clone()
}
