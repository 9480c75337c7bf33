//! buildshuttle as it was shipped, and the jenkins job whose place it took.
//!
//! `POST /` submits; a build is then `/{app}-{app_uuid}/{number}`, and its source is
//! `/{build_uuid}`. A number that is submitted again takes the place of what still runs
//! under it, as the old service removed the container of that name.

pub(super) mod paths;

mod logs;
mod request;
mod status;
mod stored;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_store::names;

pub(crate) use logs::logs;
pub(crate) use status::status;
pub(crate) use stored::stored;

use super::envelope::{self, Refusal};
use super::{lenient, stop_all};
use crate::error::Error;
use crate::intake::{self, Accepted};
use crate::{Api, body, request_log};
use paths::App;
use request::Asked;

/// Fields of the native API, and what they are called here.
const SPELLED: [(&str, &str); 5] = [
    ("image", "gm_registry_repo"),
    ("args", "build_args"),
    ("source", "sources"),
    ("labels.app", "app"),
    ("labels.space", "space"),
];

/// `POST /`.
pub(crate) async fn submit(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Refusal> {
    let body = body::read(&req, payload, api.limits.buildshuttle_body_bytes).await?;
    accept(&req, &api, &body).await.map_err(|refusal| refusal.spelled(&SPELLED))?;
    Ok(envelope::status(StatusCode::OK, "ok"))
}

async fn accept(req: &HttpRequest, api: &Api, body: &[u8]) -> Result<(), Refusal> {
    let body = lenient::without_trailing_commas(body);
    let Asked { order, read, told } = Asked::read(api, &lenient::object(&body)?).await?;
    read.keep(api, &order.spec.project).await?;
    let submitted = intake::submit(api, &Arc::new(order)).await;
    let (Accepted::New(build) | Accepted::Before(build)) =
        submitted.map_err(|error| Refusal::from(error).of_followers(&told))?;
    request_log::concerns(req, build.id);
    Ok(())
}

/// `GET /octhc`: what its load balancer asked for.
pub(crate) async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("overall_status=good")
}

/// `DELETE /{app}-{app_uuid}`: stops all that runs of an application.
pub(crate) async fn stop_app(
    req: HttpRequest,
    api: web::Data<Api>,
) -> Result<HttpResponse, Refusal> {
    let app = App::of(&req).ok_or(Refusal::NotFound)?;
    stop(&api, &app, None).await
}

/// Stops what runs under a number, or under all of them. There is no other answer than `ok`:
/// to stop what is over is no mistake here.
pub(super) async fn stop(
    api: &Api,
    app: &App,
    number: Option<&str>,
) -> Result<HttpResponse, Refusal> {
    let running = names::under_way(&api.store, &app.scope(), number).await;
    stop_all(api, running.map_err(Error::from)?).await?;
    Ok(envelope::status(StatusCode::OK, "ok"))
}
