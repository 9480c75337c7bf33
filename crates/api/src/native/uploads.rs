//! `POST /api/v2/uploads`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{ErrorView, UploadView};
use slipway_domain::Project;
use slipway_store::uploads;

use super::{path, view};
use crate::error::Error;
use crate::params::Params;
use crate::{Api, body, receive};

/// Upload a build context
///
/// A tar or a gzip of one, as the body: `tar cz . | curl -X POST -T - …`. Name its
/// id in as many builds of its project as you like; uploads that nothing uses are forgotten
/// in time.
#[utoipa::path(
    post, path = "/api/v2/uploads", tag = "uploads", operation_id = "upload_context",
    params(("project" = Option<String>, Query,
        description = "Whose it is: only builds of this project may name it. `default` if left out")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "The archive itself. Read whatever its Content-Type says"),
    responses(
        (status = 201, description = "It is there, whole", body = UploadView,
            headers(("Location" = String, description = "Path of the upload"))),
        (status = 400, description = "It is no archive, or ended too early", body = ErrorView),
        (status = 413, description = "It is too large", body = ErrorView),
        (status = 503, description = "The server's store does not answer or lets nothing in",
            body = ErrorView),
        (status = 507, description = "The server's disk is full", body = ErrorView),
    )
)]
pub(crate) async fn upload(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let params = Params::read(&req, &["project"])?;
    let project = params.get("project").map(Project::parse).transpose()?.unwrap_or_default();
    let limit = api.limits.upload_bytes;
    body::announced(&req, limit)?;
    let received = receive::receive(&api, limit, body::chunks(payload)).await?;
    let upload = received.keep(&api.store, project).await?;
    let location = format!("/api/v2/uploads/{}", upload.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(view::upload(upload)))
}

/// Show an upload
#[utoipa::path(
    get, path = "/api/v2/uploads/{id}", tag = "uploads", operation_id = "get_upload",
    params(("id" = Uuid, Path, description = "The upload's id")),
    responses(
        (status = 200, description = "The upload", body = UploadView),
        (status = 404, description = "There is no such upload", body = ErrorView),
    )
)]
pub(crate) async fn one(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    Params::read(&req, &[])?;
    let id = path::upload_id(&req)?;
    let upload = uploads::find(&api.store, id).await?.ok_or(Error::NoSuchUpload(id))?;
    Ok(HttpResponse::Ok().json(view::upload(upload)))
}
