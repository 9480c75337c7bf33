//! What the process says about itself.
//!
//! Lines go to standard error, as text or, with `LOG_FORMAT=json`, as JSON. `RUST_LOG`
//! chooses more or less; but nothing makes the HTTP and Docker client libraries talk
//! below a warning: they log whole requests, logins included. Nor is an error here what only
//! somebody outside did, see [`others`]. Spans go to a collector
//! where one is named, see [`traces`].

mod json;
mod others;
mod traces;

use std::error::Error;
use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use json::Json;
use others::NotOfOthers;
pub(crate) use traces::Traces;

/// Libraries that see secrets on the wire.
const SEE_SECRETS: [&str; 11] = [
    "actix_http",
    "actix_multipart",
    "actix_server",
    "bollard",
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "tonic",
    "tower",
];

/// Libraries whose every word is said better by ours: the broker's client calls it an error
/// on every attempt that the broker is away, and knows no end of it.
const SAID_BETTER: [&str; 1] = ["lapin"];

/// Begins to log, and to trace where the environment asks for it. Call it inside of a
/// runtime.
///
/// # Errors
/// When a variable of the environment cannot be used; the text names it.
pub(crate) fn start(role: &str) -> Result<Option<Traces>, String> {
    let json = match std::env::var("LOG_FORMAT").as_deref() {
        Ok("json") => true,
        Ok("text" | "") | Err(_) => false,
        Ok(other) => return Err(format!("LOG_FORMAT is {other:?}; write text or json")),
    };
    let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let filter = chosen.and(filter_fn(may_be_seen));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = if json {
        lines.fmt_fields(JsonFields::new()).event_format(NotOfOthers(Json)).boxed()
    } else {
        let colours = std::io::stderr().is_terminal();
        lines.compact().with_target(false).with_ansi(colours).map_event_format(NotOfOthers).boxed()
    };
    let traces = Traces::start(role)?;
    let spans = traces.as_ref().map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_our_span))
    });
    tracing_subscriber::registry().with(spans).with(lines.with_filter(filter)).init();
    Ok(traces)
}

/// An error and what caused it, as one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

fn may_be_seen(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let is_of = |library: &&str| {
        target.strip_prefix(*library).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    let sees_secrets = SEE_SECRETS.iter().any(&is_of);
    let said_better = SAID_BETTER.iter().any(is_of);
    !said_better && (!sees_secrets || *metadata.level() <= Level::WARN)
}

/// Spans have attributes that we chose. Lines of the log may quote anything, so none of
/// them becomes part of a span.
fn is_our_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("slipway")
}
