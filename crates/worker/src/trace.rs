//! The span of a build, below that of the request that asked for it in another process.

use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use slipway_domain::TraceParent;
use slipway_store::builds::Claimed;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The span of one attempt; lines of the log that are written in it have its fields. A
/// parent that the row has and that cannot be read costs the link and nothing else.
pub(crate) fn of_build(claimed: &Claimed) -> Span {
    let lease = &claimed.lease;
    let span = tracing::info_span!(
        "build",
        otel.kind = "consumer",
        build.id = %lease.build(),
        build.attempt = %lease.attempt(),
        host.name = %lease.host(),
    );
    if let Some(asked) = claimed.traceparent.as_deref().and_then(TraceParent::parse) {
        let asked = SpanContext::new(
            TraceId::from(asked.trace),
            SpanId::from(asked.span),
            TraceFlags::new(asked.flags),
            true,
            TraceState::NONE,
        );
        // An error only says that nobody collects.
        let _ = span.set_parent(Context::new().with_remote_span_context(asked));
    }
    span
}
