//! The templates' service, which called itself Docker Image Builder API.
//!
//! Its clients submit with `POST /api/v1/build`, which boatyard has, too (`shared_submit` tells
//! them apart), and then ask for `/api/v1/build/{id}/status` until the status is `success` or
//! `failed`. They may be pages of other origins. The contract is in `docs/dialects/templates.md`.

mod envelope;
mod index;
mod list;
mod log;
mod repository;
mod request;
mod status;

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use slipway_domain::BuildId;
use slipway_store::builds::{self, Build};
use uuid::Uuid;

use envelope::Refusal;
pub(crate) use envelope::refuse;
pub(crate) use index::{asks_for_json, index};
pub(crate) use list::list;

use crate::error::Error;
use crate::intake::{self, Accepted, Order};
use crate::{Api, request_log};

/// What a request is answered that was accepted.
#[derive(Serialize)]
struct Begun {
    build_id: Uuid,
    status: &'static str,
    message: &'static str,
    image_name: String,
    started_at: DateTime<Utc>,
}

/// Whether a path is of this service, also where the method is not. The one that it shares is
/// boatyard's.
pub(crate) fn owns(path: &str) -> bool {
    matches!(path, "/api/v1" | "/api/v1/builds") || path.starts_with("/api/v1/build/")
}

/// `POST /api/v1/build` from a template.
pub(crate) async fn submit(
    req: &HttpRequest,
    api: &Api,
    body: &[u8],
) -> Result<HttpResponse, Refusal> {
    let order = request::order(api, body)?;
    accept(req, api, order).await.map_err(request::respelled)
}

/// `POST /api/v1/build` from a repository.
pub(crate) async fn submit_repository(
    req: &HttpRequest,
    api: &Api,
    body: &[u8],
) -> Result<HttpResponse, Refusal> {
    let order = repository::order(api, body)?;
    accept(req, api, order).await.map_err(repository::respelled)
}

async fn accept(req: &HttpRequest, api: &Api, order: Order) -> Result<HttpResponse, Error> {
    let accepted = intake::submit(api, &Arc::new(order)).await?;
    let (Accepted::New(build) | Accepted::Before(build)) = accepted;
    request_log::concerns(req, build.id);
    Ok(HttpResponse::Ok().json(Begun {
        build_id: build.id.as_uuid(),
        status: status::word(build.state),
        message: "Build started",
        image_name: build.spec.image.to_string(),
        started_at: build.created_at,
    }))
}

/// `GET /api/v1/build/{id}/status`.
pub(crate) async fn status(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let build = named(&req, &api).await?;
    Ok(log::answer(&req, &api, &build).await?)
}

/// The build that the path names.
async fn named(req: &HttpRequest, api: &Api) -> Result<Build, Refusal> {
    let id = req.match_info().query("id").parse::<BuildId>().map_err(|_| Refusal::NoSuchBuild)?;
    request_log::concerns(req, id);
    let build = builds::find(&api.store, id).await.map_err(Error::from)?;
    build.ok_or(Refusal::NoSuchBuild)
}

/// What changes from one look to the next.
const NO_CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-cache");
