//! The trace that a request belongs to. Without a collector there is none, and nothing of
//! this costs anything.

use actix_web::HttpRequest;
use actix_web::http::Method;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use slipway_domain::TraceParent;
use tracing::Span;
use tracing::field::Empty;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The span of a request; lines of the log that are written in it have its fields. One that
/// changes something is a span for collectors, too, below the sender's own where it names
/// one. Those that only read would drown them.
pub(crate) fn of_request(req: &HttpRequest, route: &str) -> Span {
    if *req.method() != Method::POST {
        return tracing::info_span!(target: "request", "request", build.id = Empty);
    }
    let span = tracing::info_span!(
        "request",
        otel.name = format!("POST {route}"),
        otel.kind = "server",
        http.route = route,
        http.response.status_code = Empty,
        build.id = Empty,
    );
    let sent = req.headers().get("traceparent").and_then(|value| value.to_str().ok());
    if let Some(sender) = sent.and_then(TraceParent::parse) {
        let sender = SpanContext::new(
            TraceId::from(sender.trace),
            SpanId::from(sender.span),
            TraceFlags::new(sender.flags),
            true,
            TraceState::NONE,
        );
        // An error only says that nobody collects.
        let _ = span.set_parent(Context::new().with_remote_span_context(sender));
    }
    span
}

/// Where whoever goes on with this hangs their spans. `None` when nobody collects.
pub(crate) fn current() -> Option<TraceParent> {
    let context = Span::current().context();
    let span = context.span();
    let here = span.span_context();
    here.is_sampled().then(|| TraceParent {
        trace: u128::from_be_bytes(here.trace_id().to_bytes()),
        span: u64::from_be_bytes(here.span_id().to_bytes()),
        flags: here.trace_flags().to_u8(),
    })
}
