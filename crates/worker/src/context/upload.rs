//! A context that was uploaded before.

use slipway_context::{ContextOptions, OpenContext, Strip, stream_guarded};
use slipway_domain::{Failure, Reason, UploadId};
use slipway_store::uploads;

use super::Order;
use crate::run::Broken;

pub(super) async fn open(order: &Order<'_>, id: UploadId) -> Result<OpenContext, Broken> {
    let blob =
        uploads::open(&order.worker.store, &order.worker.blobs, id).await?.ok_or_else(|| {
            Failure::new(Reason::UploadMissing, format!("the upload {id} is gone"))
                .hint("upload the build context again and submit a new build")
        })?;
    let options = ContextOptions { strip: Strip::SingleTopFolder, ..order.options(None) };
    Ok(stream_guarded(blob, options))
}
