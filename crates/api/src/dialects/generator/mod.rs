//! generator, of containerops.
//!
//! Its clients ask for a build by `GET /b1/build` or, better, `POST`, get an id, and then read
//! the log a chunk at a time over HTTP, or all of it over a WebSocket. The contract is in
//! `docs/dialects/generator.md`.

mod base64;
mod chunks;
mod engine_options;
mod envelope;
mod fields;
mod places;
mod polling;
mod remote;
mod request;
mod socket;

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_domain::{BuildId, FieldError};
use slipway_store::builds::{self, Build};
use uuid::Uuid;

pub(crate) use envelope::refuse;
pub(crate) use places::Places;
pub(crate) use polling::poll;
pub(crate) use socket::follow;

use envelope::Refusal;
use fields::Fields;

use crate::error::Error;
use crate::intake::{self, Accepted};
use crate::{Api, body, request_log};

const TEXT: &str = "text/plain; charset=utf-8";

/// `GET /b1/build`.
pub(crate) async fn build_by_get(
    req: HttpRequest,
    api: web::Data<Api>,
) -> Result<HttpResponse, Refusal> {
    if !api.dialects.generator_get {
        return Err(Error::WrongMethod { allow: "POST".into() }.into());
    }
    submit(&req, &api, Fields::of_query(req.query_string())).await
}

/// `POST /b1/build`. What stands in the body counts before what stands in the address.
pub(crate) async fn build_by_post(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Refusal> {
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let fields = Fields::of_body(&body)?.over(Fields::of_query(req.query_string()));
    submit(&req, &api, fields).await
}

async fn submit(req: &HttpRequest, api: &Api, fields: Fields) -> Result<HttpResponse, Refusal> {
    let order = Arc::new(request::order(&fields, api.dialects.default_registry.as_ref())?);
    let (Accepted::New(build) | Accepted::Before(build)) = intake::submit(api, &order).await?;
    request_log::concerns(req, build.id);
    Ok(HttpResponse::Ok()
        .content_type(TEXT)
        // The next GET is another build.
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(build.id.as_uuid().simple().to_string()))
}

/// The build that the path names, if there is one.
async fn named(req: &HttpRequest, api: &Api) -> Result<Option<Build>, Error> {
    let Ok(id) = Uuid::parse_str(req.match_info().query("id")) else { return Ok(None) };
    let id = BuildId::from_uuid(id);
    request_log::concerns(req, id);
    Ok(builds::find(&api.store, id).await?)
}

fn field(name: &str, message: impl Into<String>) -> FieldError {
    FieldError::new(name, message)
}
