//! What stands in a path.

use std::sync::Arc;

use actix_web::HttpRequest;
use slipway_domain::{BuildId, DeliveryId, FieldError, HostName, UploadId};
use slipway_store::builds::{self, Build};
use uuid::Uuid;

use crate::Api;
use crate::error::Error;
use crate::request_log;

/// The build that the path names.
pub(super) async fn build(req: &HttpRequest, api: &Api) -> Result<Build, Error> {
    let id = build_id(req)?;
    builds::find(&api.store, id).await?.ok_or(Error::NoSuchBuild(id))
}

/// The same for one who stays, as many may at once: the row is read once for all who come together.
pub(super) async fn build_to_follow(req: &HttpRequest, api: &Api) -> Result<Arc<Build>, Error> {
    let id = build_id(req)?;
    api.live.hub.find(id).await?.ok_or(Error::NoSuchBuild(id))
}

/// The id of a build, which may not exist.
pub(super) fn build_id(req: &HttpRequest) -> Result<BuildId, Error> {
    let id = BuildId::from_uuid(uuid(req)?);
    request_log::concerns(req, id);
    Ok(id)
}

/// The id of an upload, which may not exist.
pub(super) fn upload_id(req: &HttpRequest) -> Result<UploadId, Error> {
    uuid(req).map(UploadId::from_uuid)
}

/// The id of a try to tell a follower, which may not exist.
pub(super) fn try_id(req: &HttpRequest) -> Result<DeliveryId, Error> {
    uuid(req).map(DeliveryId::from_uuid)
}

/// The name of a host, which may not exist.
pub(super) fn host_name(req: &HttpRequest) -> Result<HostName, Error> {
    Ok(HostName::parse(req.match_info().query("name"))?)
}

fn uuid(req: &HttpRequest) -> Result<Uuid, Error> {
    Uuid::parse_str(req.match_info().query("id")).map_err(|_| {
        FieldError::new("id", "is not an id")
            .hint("ids are UUIDs, such as 0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071")
            .into()
    })
}
