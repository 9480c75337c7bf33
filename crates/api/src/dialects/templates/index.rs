//! `GET /api/v1`, and `/` for whoever asks for JSON there: what the service is and has.

use std::collections::BTreeMap;

use actix_web::guard::GuardContext;
use actix_web::http::{Method, header};
use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::Api;

#[derive(Serialize)]
struct Index<'a> {
    name: &'static str,
    version: &'static str,
    description: &'static str,
    endpoints: BTreeMap<&'static str, &'static str>,
    supported_model_versions: Vec<&'a str>,
}

/// `GET /api/v1`.
pub(crate) async fn index(api: web::Data<Api>) -> HttpResponse {
    HttpResponse::Ok().json(Index {
        name: "Docker Image Builder API",
        version: env!("CARGO_PKG_VERSION"),
        description: "Builds Docker images from templates",
        endpoints: [
            ("GET /", "Information about the API"),
            ("GET /api/v1", "Information about the API"),
            ("POST /api/v1/build", "Start a build from a template or a repository"),
            ("GET /api/v1/build/{id}/status", "Status and log of a build"),
            ("GET /api/v1/builds", "All builds, newest first"),
            ("GET /health", "Health of the service"),
        ]
        .into(),
        supported_model_versions: api.templates.names(),
    })
}

/// Whether a request at `/` is one of this service's clients, and not a browser. What is sent
/// there is not for this service.
pub(crate) fn asks_for_json(ctx: &GuardContext<'_>) -> bool {
    let reads = matches!(ctx.head().method, Method::GET | Method::HEAD);
    let accept = ctx.head().headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let for_json = |kinds: &str| kinds.contains("application/json") && !kinds.contains("text/html");
    reads && accept.is_some_and(for_json)
}
