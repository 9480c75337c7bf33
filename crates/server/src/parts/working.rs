//! The worker's half of a build.

use std::sync::Arc;
use std::time::Duration;

use slipway_api::Hosts;
use slipway_worker::{Worker, WorkerSettings};

use super::ground::Ground;
use crate::lifecycle::Stop;
use crate::roles::Failure;
use crate::settings::{Settings, SettingsError};

/// A worker that has not begun yet. It hands back what it runs at the second step of `stop`.
///
/// # Errors
/// When a host of the settings cannot be used.
pub(crate) fn worker(settings: &Settings, ground: &Ground, stop: &Stop) -> Result<Worker, Failure> {
    let Ground { store, blobs, queue } = ground.clone();
    let worker = Worker::new(store, blobs, queue, told(settings)?);
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

fn told(settings: &Settings) -> Result<WorkerSettings, SettingsError> {
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
        context: settings.limits.for_contexts(),
    })
}
