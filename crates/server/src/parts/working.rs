//! The worker's half of a build.

use std::sync::Arc;
use std::time::Duration;

use slipway_api::Hosts;
use slipway_worker::{RegistrySettings, SourceSettings, Worker, WorkerSettings};

use super::ground::Ground;
use crate::lifecycle::Stop;
use crate::roles::Failure;
use crate::settings::{Settings, SettingsError};

/// With whom a worker shares its machine and its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// All is one process, on the machine of whoever uses it.
    Alone,
    /// Workers of a service.
    Others,
}

/// A worker that has not begun yet. It hands back what it runs at the second step of `stop`.
///
/// # Errors
/// When a host of the settings cannot be used.
pub(crate) fn worker(
    settings: &Settings,
    ground: &Ground,
    stop: &Stop,
    company: Company,
) -> Result<Worker, Failure> {
    let Ground { store, blobs, queue } = ground.clone();
    settings.warn_of_logins()?;
    let worker = Worker::new(store, blobs, queue, told(settings, company)?);
    let mut worker = worker.map_err(|failure| failure.to_string())?;
    worker.hand_back = stop.hand_back.clone();
    Ok(worker)
}

/// The worker's hosts, for its health.
pub(crate) fn hosts(worker: &Worker) -> Hosts {
    let pool = Arc::clone(&worker.pool);
    Hosts::Own {
        names: worker.pool.names().cloned().collect(),
        usable: Arc::new(move || pool.usable().into_keys().collect()),
    }
}

/// The settings as a worker takes them.
///
/// # Errors
/// Names the one that cannot be used.
pub(crate) fn told(settings: &Settings, company: Company) -> Result<WorkerSettings, SettingsError> {
    Ok(WorkerSettings {
        hosts: settings.docker.for_worker()?,
        concurrency: settings.worker.concurrency,
        lease: Duration::from_secs(settings.worker.lease_seconds),
        heartbeat: Duration::from_secs(settings.worker.heartbeat_seconds),
        raise_after: Duration::from_secs(settings.worker.priority_raise_seconds),
        max_attempts: settings.worker.max_attempts,
        fetch_timeout: Duration::from_secs(settings.build.fetch_timeout_seconds),
        build_timeout: Duration::from_secs(settings.build.timeout_seconds),
        push_timeout: Duration::from_secs(settings.build.push_timeout_seconds),
        extra_args: settings.build.extra_args.clone(),
        no_cache: settings.build.no_cache,
        logins: settings.logins()?,
        context: settings.limits.for_contexts(),
        sources: sources(settings, company)?,
    })
}

fn sources(settings: &Settings, company: Company) -> Result<SourceSettings, SettingsError> {
    let Settings { limits, sources, worker, registries, data_dir, .. } = settings;
    let is_alone = company == Company::Alone;
    let elsewhere = if is_alone { data_dir.join("tmp") } else { std::env::temp_dir() };
    Ok(SourceSettings {
        addresses: limits.addresses(is_alone, &[sources.github_host()?])?,
        extra_roots: sources.extra_roots()?,
        github_api: sources.github_api.clone(),
        known_hosts: sources.known_hosts()?,
        registries: RegistrySettings {
            addresses: limits.addresses(is_alone, &registries.hosts()?)?,
            plain_http: registries.plain_http()?,
        },
        temp: worker.temp_dir.clone().unwrap_or(elsewhere),
    })
}
