//! Takes what an attempt tagged off its host again, and makes sure.
//!
//! Only names that the attempt gave are removed, never an image by its id: builds of one
//! Dockerfile share the id, and a host may be shared with people. The build cache stays.

use slipway_domain::{Attempt, BuildId, Failure, HostName, ImageRef, Reason};
use slipway_store::images;

use crate::Worker;
use crate::engine::Engine;

/// The name under which an attempt's image stands on its host. `.invalid` is reserved
/// (RFC 2606): no engine can push or pull it by mistake.
pub(crate) fn local_name(build: BuildId, attempt: Attempt) -> String {
    format!("slipway.invalid/{}:{attempt}", build.as_uuid().simple())
}

/// Removes the names of an attempt whose push was not seen through.
///
/// # Errors
/// When the host does not answer, or still has the image afterwards.
pub(crate) async fn purge(
    worker: &Worker,
    engine: &Engine,
    attempt: (BuildId, Attempt),
    image: &ImageRef,
) -> Result<(), Failure> {
    let local = local_name(attempt.0, attempt.1);
    let Some(id) = engine.image_id(&local).await? else { return Ok(()) };
    let real = image.to_string();
    {
        // The real name goes only if it is this attempt's image that it stands for.
        let _turn = worker.turns.wait(image).await;
        if engine.image_id(&real).await?.is_some_and(|other| other == id) {
            engine.untag(&real).await?;
        }
    }
    purge_local(engine, &local).await
}

/// Removes the local name of an attempt and checks that it is gone.
///
/// # Errors
/// When the host does not answer, or still has the image afterwards.
pub(crate) async fn purge_local(engine: &Engine, local: &str) -> Result<(), Failure> {
    engine.untag(local).await?;
    match engine.image_id(local).await? {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            Reason::HostError,
            "the image is still on the host after it was removed",
        )),
    }
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
    for leftover in left {
        let attempt = (leftover.build, leftover.attempt);
        let purged = purge(worker, engine, attempt, &leftover.image).await;
        let forgotten = match purged {
            Ok(()) => images::purged(&worker.store, leftover.build, leftover.attempt).await,
            Err(failure) => {
                tracing::warn!(host.name = %host, build.id = %leftover.build, %failure, "a leftover image cannot be purged");
                continue;
            }
        };
        match forgotten {
            Ok(()) => {
                tracing::info!(host.name = %host, build.id = %leftover.build, "purged what a lost attempt left");
            }
            Err(error) => {
                tracing::warn!(host.name = %host, build.id = %leftover.build, %error, "a purge cannot be noted");
            }
        }
    }
}
