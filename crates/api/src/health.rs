//! How a process is: alive, ready, and what is wrong.
//!
//! Liveness says nothing but that the process answers: a database that is away is no
//! reason to kill it. Readiness says whether the process can do its work now: what it
//! cannot be without is `unavailable`, what it can do without for a while is `degraded`.
//! Messages go to whoever can reach the port, so they name parts and never addresses,
//! and causes go to the log.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use slipway_api_types::{CheckView, HealthStatus, HealthView};
use slipway_domain::HostName;
use slipway_queue::Queue;
use slipway_store::blobs::Blobs;
use slipway_store::hosts::{self, Host};
use slipway_store::{MigrationState, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::error::with_causes;

/// Probes give up after a few seconds; an answer that says why comes before that.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the health of a process depends on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health {
    /// Where the rows are.
    pub store: Store,
    /// Where the bytes of uploads are.
    pub blobs: Blobs,
    /// Where the bells hang.
    pub queue: Queue,
    /// What the Docker hosts are to this process.
    pub hosts: Hosts,
    /// It does not serve yet what it is there for: it is not ready until then.
    pub starting: bool,
    /// Cancelled when the process is about to stop: it is not ready from then on.
    pub stopping: CancellationToken,
}

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

/// Whether the process answers
#[utoipa::path(
    get, path = "/health/live", tag = "health", operation_id = "live",
    responses((status = 200, description = "It does", body = HealthView))
)]
pub(crate) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(view(Vec::new()))
}

/// Whether builds are accepted
///
/// 503 names what is missing. Hosts that are missing do not make it 503: builds wait. Nor
/// does a message broker: builds are found by polling meanwhile.
#[utoipa::path(
    get, path = "/health/ready", tag = "health", operation_id = "ready",
    responses(
        (status = 200, description = "They are", body = HealthView),
        (status = 503, description = "They are not", body = HealthView),
    )
)]
pub(crate) async fn ready(health: web::Data<Health>) -> HttpResponse {
    answer(look(&health).await)
}

/// How everything is
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "health",
    responses(
        (status = 200, description = "Builds are accepted", body = HealthView),
        (status = 503, description = "Builds are not accepted", body = HealthView),
    )
)]
pub(crate) async fn health(health: web::Data<Health>) -> HttpResponse {
    answer(look(&health).await)
}

fn answer(checks: Vec<CheckView>) -> HttpResponse {
    let view = view(checks);
    match view.status {
        HealthStatus::Healthy | HealthStatus::Degraded => HttpResponse::Ok().json(view),
        HealthStatus::Unavailable => HttpResponse::ServiceUnavailable().json(view),
    }
}

fn view(checks: Vec<CheckView>) -> HealthView {
    let status = checks.iter().map(|check| check.status).max().unwrap_or(HealthStatus::Healthy);
    HealthView { status, version: env!("CARGO_PKG_VERSION").into(), checks }
}

async fn look(health: &Health) -> Vec<CheckView> {
    let (database, blobs) =
        futures::join!(within(database(&health.store)), within(health.blobs.ping()));
    let mut checks = Vec::new();
    if health.starting {
        checks.push(check("process", HealthStatus::Unavailable, Some("is starting".into())));
    }
    if health.stopping.is_cancelled() {
        checks.push(check("process", HealthStatus::Unavailable, Some("is stopping".into())));
    }
    checks.push(match &database {
        Ok((_, MigrationState::Pending { count })) => {
            let problem = format!("{count} migrations are pending: run `slipwayd migrate`");
            check("database", HealthStatus::Unavailable, Some(problem))
        }
        Ok((_, MigrationState::Current | MigrationState::Newer)) => well("database"),
        Err(problem) => missing("database", problem),
    });
    checks.push(match &blobs {
        Ok(()) => well("blobs"),
        Err(problem) => missing("blobs", problem),
    });
    checks.push(match health.queue.problem() {
        None => well("queue"),
        // The rows are polled meanwhile, so work goes on.
        Some(problem) => check("queue", HealthStatus::Degraded, Some(problem)),
    });
    let rows = database.map(|(rows, _)| rows).unwrap_or_default();
    checks.extend(match &health.hosts {
        Hosts::Reported { .. } if database_is_away(&checks) => Vec::new(),
        Hosts::Reported { silence } => reported(&rows, *silence, health.store.now()),
        Hosts::Own { names, usable } => own(names, &usable(), &rows),
    });
    checks
}

fn database_is_away(checks: &[CheckView]) -> bool {
    checks.iter().any(|c| c.name == "database" && c.status == HealthStatus::Unavailable)
}

/// The hosts' rows are in the database, so reading them is its check as well.
async fn database(store: &Store) -> Result<(Vec<Host>, MigrationState), StoreError> {
    let state = store.migration_state().await?;
    let hosts = match state {
        MigrationState::Pending { .. } => Vec::new(),
        MigrationState::Current | MigrationState::Newer => hosts::all(store).await?,
    };
    Ok((hosts, state))
}

/// Runs a check, but not for ever. Says in a few words what is wrong.
async fn within<T>(check: impl Future<Output = Result<T, StoreError>>) -> Result<T, &'static str> {
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(good)) => Ok(good),
        Ok(Err(error)) => {
            tracing::warn!("a health check failed: {}", with_causes(&error));
            Err(in_short(&error))
        }
        Err(_) => Err("does not answer"),
    }
}

const fn in_short(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full(_) => "its disk is full",
        StoreError::Unavailable(_) => "does not answer",
        StoreError::LeaseLost(_)
        | StoreError::Corrupt { .. }
        | StoreError::Sealed { .. }
        | StoreError::Database(_)
        | StoreError::Blobs(_)
        | StoreError::Settings(_)
        | StoreError::Migrate(_) => "fails; the server's log says why",
    }
}

fn reported(hosts: &[Host], silence: Duration, now: DateTime<Utc>) -> Vec<CheckView> {
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
fn own(names: &BTreeSet<HostName>, usable: &BTreeSet<HostName>, rows: &[Host]) -> Vec<CheckView> {
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

fn well(name: &str) -> CheckView {
    check(name, HealthStatus::Healthy, None)
}

fn missing(name: &str, problem: &str) -> CheckView {
    check(name, HealthStatus::Unavailable, Some(problem.to_owned()))
}

fn check(name: &str, status: HealthStatus, message: Option<String>) -> CheckView {
    CheckView { name: name.to_owned(), status, message }
}
