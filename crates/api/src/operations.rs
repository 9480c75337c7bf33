//! What an operator asks of a process, whatever its role: how it is, and its numbers.

use std::fmt;
use std::sync::Arc;

use actix_web::{HttpResponse, web};
use futures::future::BoxFuture;

use crate::health::Health;

/// What is answered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Operations {
    /// At `/health` and below.
    pub health: Health,
    /// At `/metrics`.
    pub metrics: Scrape,
}

/// Renders the metrics in Prometheus' text format, version 0.0.4.
#[derive(Clone)]
pub struct Scrape(pub Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>);

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape")
    }
}

/// Numbers for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, description = "In Prometheus' text format", body = String,
        content_type = "text/plain; version=0.0.4; charset=utf-8"))
)]
pub(crate) async fn metrics(scrape: web::Data<Scrape>) -> HttpResponse {
    let text = (scrape.0)().await;
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text)
}
