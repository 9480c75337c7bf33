//! How the service is: alive, ready, and what is wrong.
//!
//! Liveness says nothing but that the process answers: a database that is away is no
//! reason to kill it. Readiness says whether a build sent now would be accepted. A host
//! that is missing is no reason to send builds elsewhere, for they can wait; it is told.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use slipway_api_types::{CheckView, HealthStatus, HealthView};
use slipway_store::StoreError;
use slipway_store::hosts::{self, Host};

use crate::Api;
use crate::error::with_causes;

/// Probes give up after a few seconds; an answer that says why comes before that.
const PATIENCE: Duration = Duration::from_secs(2);

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
/// 503 names what is missing. Hosts that are missing do not make it 503: builds wait.
#[utoipa::path(
    get, path = "/health/ready", tag = "health", operation_id = "ready",
    responses(
        (status = 200, description = "They are", body = HealthView),
        (status = 503, description = "They are not", body = HealthView),
    )
)]
pub(crate) async fn ready(api: web::Data<Api>) -> HttpResponse {
    answer(look(&api).await)
}

/// How everything is
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "health",
    responses(
        (status = 200, description = "Builds are accepted", body = HealthView),
        (status = 503, description = "Builds are not accepted", body = HealthView),
    )
)]
pub(crate) async fn health(api: web::Data<Api>) -> HttpResponse {
    answer(look(&api).await)
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

async fn look(api: &Api) -> Vec<CheckView> {
    // The hosts' rows are in the database, so reading them is its check as well.
    let (database, blobs) = futures::join!(
        within(async { api.store.ping().await.and(hosts::all(&api.store).await) }),
        within(api.blobs.ping()),
    );
    let mut checks = vec![needed("database", &database), needed("blobs", &blobs)];
    if let Ok(hosts) = database {
        checks.extend(hosts_checks(&hosts, api.limits.host_silence, api.store.now()));
    }
    checks
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

fn needed<T>(name: &str, found: &Result<T, &'static str>) -> CheckView {
    match found {
        Ok(_) => check(name, HealthStatus::Healthy, None),
        Err(problem) => check(name, HealthStatus::Unavailable, Some((*problem).to_owned())),
    }
}

fn hosts_checks(hosts: &[Host], silence: Duration, now: DateTime<Utc>) -> Vec<CheckView> {
    if hosts.is_empty() {
        let message = "no worker has reported a Docker host; builds wait".to_owned();
        return vec![check("hosts", HealthStatus::Degraded, Some(message))];
    }
    hosts
        .iter()
        .map(|host| {
            let problem = problem(host, silence, now);
            let status =
                if problem.is_some() { HealthStatus::Degraded } else { HealthStatus::Healthy };
            check(&format!("host {}", host.name), status, problem)
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

fn check(name: &str, status: HealthStatus, message: Option<String>) -> CheckView {
    CheckView { name: name.to_owned(), status, message }
}
