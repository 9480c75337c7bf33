//! One line per request, and nothing in it that could be a secret: no header, no body,
//! no query, and of the path only the pattern that it matched.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest};
use slipway_domain::BuildId;

/// The build that a request turned out to be about.
#[derive(Debug, Clone, Copy)]
struct Concerns(BuildId);

/// Notes which build a request is about, for its line.
pub(crate) fn concerns(req: &HttpRequest, build: BuildId) {
    req.extensions_mut().insert(Concerns(build));
}

/// Writes the line once the answer begins; a stream may go on long after that.
pub(crate) async fn write(
    req: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let began = Instant::now();
    let res = next.call(req).await?;
    let req = res.request();
    let build = req.extensions().get::<Concerns>().map(|concerns| concerns.0);
    tracing::info!(
        method = %req.method(),
        path = req.match_pattern().as_deref().unwrap_or("(none)"),
        status = res.status().as_u16(),
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        build.id = build.map(tracing::field::display),
        "answered"
    );
    Ok(res)
}
