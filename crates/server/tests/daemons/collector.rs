//! A small OTLP collector: takes protobuf over HTTP and keeps the spans.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One span, as far as the stories look at it.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) nanos: u64,
}

#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) url: String,
    spans: Arc<Mutex<Vec<Span>>>,
    /// All that came, as it came.
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self { url, spans: Arc::default(), bytes: Arc::default() };
        let takes = collector.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(takes.clone().take(stream));
            }
        });
        collector
    }

    pub(crate) fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap().clone()
    }

    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let bytes = self.bytes.lock().unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// One connection, request after request.
    async fn take(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        loop {
            let head = loop {
                if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                    break end + 4;
                }
                if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                    return;
                }
            };
            let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
            assert!(text.starts_with("post /v1/traces http/1.1"), "{text}");
            assert!(text.contains("content-type: application/x-protobuf"), "{text}");
            let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().trim().parse().unwrap();
            while read.len() < head + length {
                if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            self.keep(&read[head..head + length]);
            read.drain(..head + length);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    }

    fn keep(&self, body: &[u8]) {
        self.bytes.lock().unwrap().extend_from_slice(body);
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        for of_process in request.resource_spans {
            let resource = attributes(&of_process.resource.unwrap().attributes);
            let spans = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.spans.lock().unwrap().extend(spans.map(|span| Span {
                service: resource["service.name"].clone(),
                name: span.name,
                trace: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(&span.attributes),
                nanos: span.end_time_unix_nano - span.start_time_unix_nano,
            }));
        }
    }
}

fn attributes(
    all: &[opentelemetry_proto::tonic::common::v1::KeyValue],
) -> BTreeMap<String, String> {
    let text = |value: &Value| {
        if let Value::StringValue(text) = value { text.clone() } else { format!("{value:?}") }
    };
    all.iter()
        .map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            (pair.key.clone(), value.map(text).unwrap_or_default())
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
