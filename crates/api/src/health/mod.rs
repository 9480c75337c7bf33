//! How a process is: alive, ready, and what is wrong.
//!
//! Liveness says nothing but that the process answers: a database that is away is no
//! reason to kill it. Readiness says whether the process can do its work now: what it
//! cannot be without is `unavailable`, what it can do without for a while is `degraded`.
//! Messages go to whoever can reach the port, so they name parts and never addresses,
//! and causes go to the log.

mod hosts;

use std::time::Duration;

use actix_web::{HttpResponse, web};
use slipway_api_types::{CheckView, HealthStatus, HealthView};
use slipway_queue::Queue;
use slipway_store::blobs::Blobs;
use slipway_store::hosts::Host;
use slipway_store::mark::{self, NotOurs};
use slipway_store::{MigrationState, Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::error::with_causes;

pub use hosts::{Hosts, Usable};

/// What clients of the templates' older API know a server by that answers at `/health`.
const SERVICE: &str = "docker-image-builder";

/// Probes give up after a few seconds; an answer that says why comes before that.
const PATIENCE: Duration = Duration::from_secs(4);

/// Of what is given up, or says so itself.
const NO_ANSWER: &str = "does not answer";

/// From here on an answer counts as slow. Builds are accepted and built all the same.
const SLOW: Duration = Duration::from_secs(2);

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
    HealthView {
        status,
        service: SERVICE.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        checks,
    }
}

async fn look(health: &Health) -> Vec<CheckView> {
    let (database, blobs) =
        futures::join!(within_reach(&health.store), within(health.blobs.ping()));
    let ours = match (&database, &blobs) {
        (Ok(Answer { good: (_, MigrationState::Current | MigrationState::Newer), .. }), Ok(_)) => {
            within(mark::look(&health.store, &health.blobs)).await.map(drop)
        }
        // One of them is told of anyway.
        _ => Ok(()),
    };
    let mut checks = Vec::new();
    if health.starting {
        checks.push(check("process", HealthStatus::Unavailable, Some("is starting".into())));
    }
    if health.stopping.is_cancelled() {
        checks.push(check("process", HealthStatus::Unavailable, Some("is stopping".into())));
    }
    checks.push(match &database {
        Ok(Answer { good: (_, MigrationState::Pending { count }), .. }) => {
            let problem = format!("migrations are pending ({count}): run `slipwayd migrate`");
            check("database", HealthStatus::Unavailable, Some(problem))
        }
        Ok(answer) => answer.check("database"),
        Err(problem) => missing("database", problem),
    });
    checks.push(match (&blobs, ours) {
        // Builds without uploads can be built, and go on.
        (Ok(_), Err(problem)) => check("blobs", HealthStatus::Degraded, Some(problem.to_owned())),
        (Ok(answer), Ok(())) => answer.check("blobs"),
        (Err(problem), _) => missing("blobs", problem),
    });
    checks.push(match health.queue.problem() {
        None => well("queue"),
        // The rows are polled meanwhile, so work goes on.
        Some(problem) => check("queue", HealthStatus::Degraded, Some(problem)),
    });
    let rows = database.map(|answer| answer.good.0).unwrap_or_default();
    checks.extend(match &health.hosts {
        Hosts::Reported if database_is_away(&checks) => Vec::new(),
        Hosts::Reported => hosts::reported(&rows, health.store.now()),
        Hosts::Own { names, usable } => hosts::own(names, &usable(), &rows),
    });
    checks
}

fn database_is_away(checks: &[CheckView]) -> bool {
    checks.iter().any(|c| c.name == "database" && c.status == HealthStatus::Unavailable)
}

/// The hosts' rows are in the database, so reading them is its check as well. Both questions
/// at once: a database that is far away makes each one long.
async fn database(store: &Store) -> Result<(Vec<Host>, MigrationState), StoreError> {
    let (state, hosts) = futures::join!(store.migration_state(), slipway_store::hosts::all(store));
    match state? {
        // Of tables that may not be there yet.
        pending @ MigrationState::Pending { .. } => Ok((Vec::new(), pending)),
        state @ (MigrationState::Current | MigrationState::Newer) => Ok((hosts?, state)),
    }
}

/// Asks the database. Of one that does not answer, whether there is a server at all: the pool may
/// still try when our time is over.
async fn within_reach(store: &Store) -> Result<Answer<(Vec<Host>, MigrationState)>, &'static str> {
    match within(database(store)).await {
        Err(NO_ANSWER) => match store.dial().await {
            Ok(()) => Err(NO_ANSWER),
            Err(error) => {
                tracing::warn!("a health check failed: {}", with_causes(&error));
                Err(in_short(&error))
            }
        },
        answer => answer,
    }
}

/// What a check found, and how long that took.
struct Answer<T> {
    good: T,
    took: Duration,
}

impl<T> Answer<T> {
    fn check(&self, name: &str) -> CheckView {
        if self.took < SLOW {
            return well(name);
        }
        let problem = format!("answers slowly: {:.1} s", self.took.as_secs_f64());
        check(name, HealthStatus::Degraded, Some(problem))
    }
}

/// Runs a check, but not for ever. Says in a few words what is wrong.
async fn within<T>(
    check: impl Future<Output = Result<T, StoreError>>,
) -> Result<Answer<T>, &'static str> {
    let began = tokio::time::Instant::now();
    match tokio::time::timeout(PATIENCE, check).await {
        Ok(Ok(good)) => Ok(Answer { good, took: began.elapsed() }),
        Ok(Err(error)) => {
            tracing::warn!("a health check failed: {}", with_causes(&error));
            Err(in_short(&error))
        }
        Err(_) => Err(NO_ANSWER),
    }
}

fn in_short(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full(_) => "its disk is full",
        StoreError::Unavailable(_) => match error.unreached() {
            Some(unreached) if unreached.is_refused() => "refuses connections: see database.url",
            Some(_) => "cannot be reached: see database.url",
            None => NO_ANSWER,
        },
        StoreError::Refused { problem, .. } => problem,
        StoreError::OtherBlobs(NotOurs::Unmarked) => {
            "is not the store that was used before: it lacks its mark. Is its folder mounted? Nothing \
             is put there meanwhile. To use it as it is: slipwayd mark-blobs"
        }
        StoreError::OtherBlobs(NotOurs::OfAnother) => {
            "has the mark of another installation: see blobs.url. Nothing is put there meanwhile. To \
             use it as it is: slipwayd mark-blobs"
        }
        StoreError::LeaseLost(_)
        | StoreError::Corrupt { .. }
        | StoreError::Sealed { .. }
        | StoreError::SealedFollower { .. }
        | StoreError::SealedTrigger { .. }
        | StoreError::Database(_)
        | StoreError::Blobs(_)
        | StoreError::LogAway { .. }
        | StoreError::LogMissing(_)
        | StoreError::LogDamaged { .. }
        | StoreError::Settings(_)
        | StoreError::Migrate(_) => "fails; the server's log says why",
    }
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
