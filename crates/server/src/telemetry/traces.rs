//! Spans for an OpenTelemetry collector, over OTLP with protobuf in HTTP.
//!
//! On when `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`) is set; the SDK reads the
//! other standard variables itself. Spans go out in batches from a thread of their own: a
//! collector that is slow or away costs spans, and nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the last batch may take when the process ends.
const LAST_BATCH: Duration = Duration::from_secs(3);
/// A collector answers in a few bytes.
const ANSWER_BYTES: usize = 64 * 1024;

/// What sends spans. Keep it until the process ends, then say [`Traces::finish`].
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Begins, where the environment asks for it. Call it inside of a runtime.
    ///
    /// # Errors
    /// When the endpoint is no URL, another protocol is asked for, or the system has no certificates to check it by.
    pub(super) fn start(role: &str) -> Result<Option<Self>, String> {
        let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let endpoint =
            ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].map(set);
        let disabled =
            std::env::var("OTEL_SDK_DISABLED").is_ok_and(|on| on.eq_ignore_ascii_case("true"));
        if disabled || !endpoint.contains(&true) {
            return Ok(None);
        }
        let refuse = |error: &dyn std::error::Error| {
            format!("OTEL_EXPORTER_OTLP_ENDPOINT cannot be used: {}", super::with_causes(error))
        };
        for name in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            match std::env::var(name).as_deref() {
                Err(_) | Ok("" | "http/protobuf") => {}
                Ok(other) => {
                    return Err(format!(
                        "{name} is {other}, and only http/protobuf is spoken here: set it to that, \
                         and the endpoint to the collector's port for it, by default 4318"
                    ));
                }
            }
        }
        let client = Collector::new().map_err(|error| refuse(&error))?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.map_err(|error| refuse(&error))?;
        let resource = Resource::builder();
        let resource = match set("OTEL_SERVICE_NAME") {
            true => resource,
            false => resource.with_service_name(format!("slipway-{role}")),
        };
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        Ok(Some(Self(provider)))
    }

    pub(super) fn tracer(&self) -> SdkTracer {
        self.0.tracer("slipway")
    }

    /// Sends what is left, for a moment.
    pub(crate) fn finish(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_BATCH) {
            tracing::warn!(%error, "the last spans could not be sent");
        }
    }
}

/// The collector, over HTTP/1.1.
#[derive(Debug)]
struct Collector {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// The exporter's thread is not one of the runtime's.
    runtime: Handle,
    /// So that an absence is said once.
    is_away: AtomicBool,
}

impl Collector {
    fn new() -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, runtime: Handle::current(), is_away: AtomicBool::new(false) })
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let asked = self.http.request(request.map(Full::new));
        let work = async move {
            let (head, body) = asked.await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await?.to_bytes();
            Ok::<_, HttpError>(Response::from_parts(head, body))
        };
        // Made inside: a timer belongs to the runtime that it is made in.
        let timed = self.runtime.spawn(async { tokio::time::timeout(PATIENCE, work).await });
        let answer: Result<Response<Bytes>, HttpError> = match timed.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(error.into()),
        };
        let well = answer.as_ref().is_ok_and(|answer| answer.status().is_success());
        if self.is_away.swap(!well, Ordering::Relaxed) == well {
            match well {
                true => tracing::info!("the collector takes spans again"),
                false => tracing::warn!("the collector takes no spans; they are lost meanwhile"),
            }
        }
        answer
    }
}
