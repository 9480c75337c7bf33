//! One line and one count per request, and nothing in it that could be a secret: no header, no body,
//! no query, and of the path only the pattern that it matched.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest};
use slipway_domain::BuildId;
use tracing::{Instrument as _, Span};

use crate::trace;

/// The build that a request turned out to be about.
#[derive(Debug, Clone, Copy)]
struct Concerns(BuildId);

/// Notes which build a request is about, for its line and all that are written within.
pub(crate) fn concerns(req: &HttpRequest, build: BuildId) {
    req.extensions_mut().insert(Concerns(build));
    Span::current().record("build.id", tracing::field::display(build));
}

/// Writes the line once the answer begins; a stream may go on long after that.
pub(crate) async fn write(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let began = Instant::now();
    let path = req.request().match_pattern().unwrap_or_else(|| "(none)".into());
    let span = trace::of_request(req.request(), &path);
    let res = next.call(req).instrument(span.clone()).await?;
    let req = res.request();
    let status = res.status().as_u16();
    span.record("http.response.status_code", status);
    count(req, &path, status, began);
    let build = req.extensions().get::<Concerns>().map(|concerns| concerns.0);
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let build = build.map(tracing::field::display);
    // Probes and scrapers ask every few seconds, and would drown out the rest.
    if is_routine(&path) && status < 400 {
        tracing::debug!(method = %req.method(), path, status, duration_ms, "answered");
    } else {
        tracing::info!(method = %req.method(), path, status, duration_ms, build.id = build, "answered");
    }
    Ok(res)
}

fn is_routine(path: &str) -> bool {
    path == "/metrics" || path.starts_with("/health")
}

/// The pattern, not the path, is the label: a label of many values is a series of each. For
/// the same reason a method is what a route knows, or other.
fn count(req: &HttpRequest, route: &str, status: u16, began: Instant) {
    let method = match *req.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    };
    let labels = [("method", method.to_owned()), ("route", route.to_owned())];
    metrics::histogram!("slipway_http_request_duration_seconds", &labels)
        .record(began.elapsed().as_secs_f64());
    let [method, route] = labels;
    let labels = [method, route, ("status", status.to_string())];
    metrics::counter!("slipway_http_requests_total", &labels).increment(1);
}
