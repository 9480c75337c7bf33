//! Takes what an attempt tagged off its host again. The engine's own answer is what is believed: a
//! name is gone when it says that it took it away, or that there is none.
//!
//! Only names that the attempt gave are removed, never an image by its id: builds of one
//! Dockerfile share the id, and a host may be shared with people. The build cache stays.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use slipway_domain::{Attempt, BuildId, Failure, HostName, ImageRef, Reason};
use slipway_store::StoreError;
use slipway_store::images::{self, Leftover};
use thiserror::Error;
use tokio::time::Instant;

use crate::Worker;
use crate::engine::Engine;

/// An engine that was left in the middle of a build may still finish it and name the image
/// when nobody looks any more. Only an absence that lasts this long is believed.
const ABSENT_FOR_GOOD: Duration = Duration::from_secs(60);

/// What a purge found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purged {
    /// The image was there and is gone.
    Removed,
    /// The image was not there. It may still come if the engine is not through.
    Absent,
    /// Another build uses the image's real name: to be tried again.
    NotYet,
}

/// Whether a purge waits for its turn with the image's real name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// A build cleans up after itself.
    ForItsTurn,
    /// A sweep has other things to see to, and comes again.
    Never,
}

/// Since when which leftover is known to be absent, by host.
#[derive(Debug, Default)]
pub(crate) struct Absences(Mutex<HashMap<HostName, Since>>);

type Since = HashMap<(BuildId, Attempt), Instant>;

impl Absences {
    /// Notes that a leftover is absent; whether it is for good.
    fn for_good(&self, host: &HostName, leftover: &Leftover) -> bool {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = hosts.entry(host.clone()).or_default();
        let key = (leftover.build, leftover.attempt);
        since.entry(key).or_insert_with(Instant::now).elapsed() >= ABSENT_FOR_GOOD
    }

    /// Forgets all of a host's that are no leftovers any more: some other worker saw to them.
    fn keep(&self, host: &HostName, left: &[Leftover]) {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = hosts.get_mut(host) {
            since.retain(|key, _| left.iter().any(|one| (one.build, one.attempt) == *key));
        }
    }
}

/// The name under which an attempt's image stands on its host. `.invalid` is reserved
/// (RFC 2606): no engine can push or pull it by mistake.
pub(crate) fn local_name(build: BuildId, attempt: Attempt) -> String {
    format!("slipway.invalid/{}:{attempt}", build.as_uuid().simple())
}

/// Removes the names of an attempt whose push was not seen through.
///
/// # Errors
/// When the host does not answer.
pub(crate) async fn purge(
    worker: &Worker,
    engine: &Engine,
    attempt: (BuildId, Attempt),
    images: &[ImageRef],
    waits: Waits,
) -> Result<Purged, Failure> {
    let local = local_name(attempt.0, attempt.1);
    let Some(id) = engine.image_id(&local).await? else { return Ok(Purged::Absent) };
    for image in images {
        let real = image.to_string();
        // An engine that cannot even look for the name has never given it.
        let is_ours =
            async || engine.image_id(&real).await.is_ok_and(|other| other.as_ref() == Some(&id));
        // The real name goes only if it is this attempt's image that it stands for. Who never gave
        // it has no turn to wait for.
        if !is_ours().await {
            continue;
        }
        let turn = match waits {
            Waits::ForItsTurn => Some(worker.turns.wait(image).await),
            Waits::Never => worker.turns.if_free(image),
        };
        let Some(_turn) = turn else { return Ok(Purged::NotYet) };
        if is_ours().await {
            engine.untag(&real).await?;
        }
    }
    engine.untag(&local).await?;
    Ok(Purged::Removed)
}

/// Sees to it that an attempt whose image is gone for good is found under its name no more,
/// also when a build of the same content comes: see [`Engine::free_name`].
///
/// # Errors
/// When the host does not answer.
pub(crate) async fn free_name(
    engine: &Engine,
    (build, attempt): (BuildId, Attempt),
) -> Result<(), Failure> {
    engine.free_name(&local_name(build, attempt)).await
}

/// Purges what dead workers left on a host. What cannot be removed now is found again.
pub(crate) async fn sweep(worker: &Worker, host: &HostName) {
    let Some(engine) = worker.pool.engine(host) else { return };
    let left = match images::left_on(&worker.store, host).await {
        Ok(left) => left,
        Err(error) => {
            tracing::warn!(host.name = %host, %error, "leftovers cannot be looked up");
            return;
        }
    };
    worker.absences.keep(host, &left);
    for leftover in left {
        match sweep_one(worker, engine, (host, &leftover)).await {
            Ok(true) => {
                tracing::info!(host.name = %host, build.id = %leftover.build, "purged what a lost attempt left");
            }
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(host.name = %host, build.id = %leftover.build, %problem, "a leftover image cannot be purged");
                if problem.is_the_rests_too() {
                    return;
                }
            }
        }
    }
}

/// Why a leftover stays what it is.
#[derive(Debug, Error)]
enum Problem {
    #[error("{0}")]
    Host(Failure),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Problem {
    /// Whether it would be met again at each of the others: a host that stands still costs half a
    /// minute each time.
    fn is_the_rests_too(&self) -> bool {
        match self {
            Self::Host(failure) => failure.reason == Reason::HostUnreachable,
            Self::Store(error) => error.is_passing(),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self::Host(failure)
    }
}

/// Purges one leftover, and forgets it once it is sure to be gone. Whether it was there.
async fn sweep_one(
    worker: &Worker,
    engine: &Engine,
    (host, leftover): (&HostName, &Leftover),
) -> Result<bool, Problem> {
    let attempt = (leftover.build, leftover.attempt);
    let purged = purge(worker, engine, attempt, &leftover.images, Waits::Never).await?;
    let is_gone = match purged {
        Purged::Removed => true,
        Purged::NotYet => false,
        Purged::Absent => {
            let for_good = worker.absences.for_good(host, leftover);
            if for_good {
                free_name(engine, attempt).await?;
            }
            for_good
        }
    };
    if is_gone {
        images::purged(&worker.store, leftover.build, leftover.attempt).await?;
    }
    Ok(purged == Purged::Removed)
}
