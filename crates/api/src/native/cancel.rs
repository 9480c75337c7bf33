//! `POST /api/v2/builds/{id}/cancel`.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{BuildView, ErrorView};
use slipway_queue::News;
use slipway_store::builds::{self, Cancelled};

use super::{path, view};
use crate::Api;
use crate::error::Error;

/// Cancel a build
///
/// One that waits is over at once. One that runs has `cancel_requested` set, and is
/// `cancelled` when its host has stopped. Asking twice is the same as asking once.
#[utoipa::path(
    post, path = "/api/v2/builds/{id}/cancel", tag = "builds", operation_id = "cancel_build",
    params(("id" = Uuid, Path, description = "The build's id")),
    responses(
        (status = 202, description = "It is being stopped", body = BuildView),
        (status = 404, description = "There is no such build", body = ErrorView),
        (status = 409, description = "It is over, or as good as over", body = ErrorView),
    )
)]
pub(crate) async fn cancel(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let id = path::build_id(&req)?;
    match builds::cancel(&api.store, id, api.store.now()).await? {
        Cancelled::Now => api.queue.tell(News::Happened(id)),
        Cancelled::Requested => api.queue.tell(News::CancelAsked(id)),
        Cancelled::TooLate => return Err(Error::TooLate),
        Cancelled::Over(outcome) => return Err(Error::Over(outcome)),
        Cancelled::Unknown => return Err(Error::NoSuchBuild(id)),
    }
    let build = path::build(&req, &api).await?;
    Ok(HttpResponse::Accepted().json(view::build(build, None)))
}
