//! A context that was uploaded before.

use slipway_context::{ContextOptions, OpenContext, Strip, stream_guarded};
use slipway_domain::{Failure, Reason, UploadId};
use slipway_store::{StoreError, uploads};

use super::Order;
use crate::run::Broken;

pub(super) async fn open(order: Order<'_>, id: UploadId) -> Result<OpenContext, Broken> {
    let worker = order.worker;
    let opened = uploads::open(&worker.store, &worker.blobs, id).await.map_err(unreadable)?;
    let blob = opened.ok_or_else(|| {
        Failure::new(Reason::UploadMissing, format!("the upload {id} is gone"))
            .hint("upload the build context again and submit a new build")
    })?;
    let options = ContextOptions { strip: Strip::SingleTopFolder, ..order.options(None) };
    Ok(stream_guarded(blob, options))
}

/// The failure of a build whose upload cannot be got at. Its store is not the build's, and what
/// it says is for whoever runs slipway.
fn unreadable(error: StoreError) -> Broken {
    let cause = &error as &dyn std::error::Error;
    match &error {
        StoreError::Unavailable(_) => {
            tracing::warn!(error = cause, "an upload cannot be read now");
            Failure::new(Reason::ContextUnreadable, "the store of uploads does not answer")
                .hint("submit again later; the worker's log and its /health say why")
                .into()
        }
        StoreError::Refused { problem, .. } => {
            tracing::error!(error = cause, "an upload cannot be read");
            let message = format!("the store of uploads refuses: {problem}");
            Failure::new(Reason::UploadsRefused, message)
                .hint("tell whoever runs slipway: the worker's log and its /health say why")
                .into()
        }
        StoreError::OtherBlobs(problem) => {
            tracing::error!(error = cause, "an upload cannot be read");
            let message =
                format!("the store of uploads is not the one they were put in: {problem}");
            Failure::new(Reason::UploadsRefused, message)
                .hint("tell whoever runs slipway: the worker's log and its /health say why")
                .into()
        }
        StoreError::Blobs(_) => {
            tracing::error!(error = cause, "an upload cannot be read");
            Failure::new(Reason::UploadsRefused, "the store of uploads refuses")
                .hint("tell whoever runs slipway: the worker's log says why")
                .into()
        }
        StoreError::LeaseLost(_)
        | StoreError::Full(_)
        | StoreError::Corrupt { .. }
        | StoreError::Sealed { .. }
        | StoreError::SealedFollower { .. }
        | StoreError::SealedTrigger { .. }
        | StoreError::Database(_)
        | StoreError::LogAway { .. }
        | StoreError::LogMissing(_)
        | StoreError::LogDamaged { .. }
        | StoreError::Settings(_)
        | StoreError::Migrate(_) => error.into(),
    }
}
