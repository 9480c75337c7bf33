//! One HTTP exchange with an engine, on a connection of its own.
//!
//! bollard's requests go over this (see [`Wire::client`]), and so do ours where bollard has
//! no method for them: `/session` (it never closes the connection it opens for a session,
//! one for each build), `/build` (it starts that session), `/images/…/push` (it drops the
//! answer's digest) and `/_ping` (it drops the headers).
//!
//! Connections are not kept for the next request: opening one to a Unix socket and asking a
//! plain question takes 0.3 ms in all, and nothing can go stale. Over TLS it is a few
//! milliseconds, most of them saved by resuming the session of the connection before.
//!
//! The connection lives in a task that ends when the [`Reply`] is dropped: that is what
//! makes the engine stop its work, and it holds whether the request is still on its way,
//! the context half sent, or the answer half read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{io, iter};

use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, request};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use thiserror::Error;
use tokio_util::task::AbortOnDropHandle;

use super::connector::Connector;
use super::tls_fault::TlsFault;

/// How long a plain request may take. Removing a large image from a slow disk takes long.
const PLAIN_TIMEOUT: Duration = Duration::from_secs(120);
/// An engine's refusal is a sentence. More than this is a page from something in between.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a request.
pub(super) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// The way to one engine.
#[derive(Debug)]
pub(super) struct Wire {
    connector: Connector,
    /// The API is at 1.x since ever; this is x, and 0 until the engine was asked.
    api_minor: AtomicU32,
}

/// An answer whose body is still to be read. Dropping it closes the connection.
pub(super) struct Reply {
    /// Head and body.
    pub(super) response: Response<Incoming>,
    /// The connection.
    pub(super) connection: AbortOnDropHandle<()>,
}

/// Why there is no good answer.
#[derive(Debug, Error)]
pub(super) enum WireError {
    /// There is nobody at the address.
    #[error("{0}")]
    Unreachable(io::Error),
    /// The two ends do not trust each other.
    #[error("{0}")]
    Tls(TlsFault),
    /// The connection ended in the middle of the exchange.
    #[error("{0}")]
    Broken(String),
    /// The engine answered with an error.
    #[error("{message}")]
    Refused { status: StatusCode, message: String },
    /// The engine's answer is not of the form that its API has.
    #[error("{0}")]
    Garbled(String),
    /// The request cannot be written down.
    #[error("{0}")]
    Unsendable(String),
}

impl From<bollard::errors::Error> for WireError {
    fn from(error: bollard::errors::Error) -> Self {
        use bollard::errors::Error::{
            DockerResponseServerError, HyperResponseError, IOError, RequestTimeoutError,
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest concerns what we do not use")]
        match error {
            DockerResponseServerError { status_code, message } => {
                refused(StatusCode::from_u16(status_code).unwrap_or_default(), message)
            }
            HyperResponseError { err } => broken(&err),
            RequestTimeoutError => Self::Broken("no answer in time".to_owned()),
            // What the transport below gave to bollard comes back through it.
            IOError { err } => match err.downcast::<Self>() {
                Ok(error) => error,
                Err(err) => Self::Broken(err.to_string()),
            },
            other => Self::Garbled(other.to_string()),
        }
    }
}

impl Wire {
    pub(super) const fn new(connector: Connector) -> Self {
        Self { connector, api_minor: AtomicU32::new(0) }
    }

    /// Speaks the engine's API version from now on, or the newest we know if that is older.
    /// The engine keeps its older versions' behaviour for whoever names them.
    pub(super) fn negotiate(&self, engine_minor: u32) {
        let newest = u32::try_from(API_DEFAULT_VERSION.minor_version).unwrap_or(u32::MAX);
        self.api_minor.store(engine_minor.min(newest), Ordering::Relaxed);
    }

    /// A bollard client for plain requests: they are short and need no cancelling.
    pub(super) fn client(self: &Arc<Self>) -> Result<Docker, bollard::errors::Error> {
        let wire = Arc::clone(self);
        let transport = move |request: BollardRequest| {
            let wire = Arc::clone(&wire);
            async move {
                let reply = wire.exchange(request.map(BodyExt::boxed_unsync)).await;
                let Reply { response, connection } = reply.map_err(io::Error::other)?;
                // It ends by itself, with the answer.
                drop(connection.detach());
                Ok(response)
            }
        };
        let seconds = PLAIN_TIMEOUT.as_secs();
        Docker::connect_with_custom_transport(
            transport,
            Some("http://docker"),
            seconds,
            API_DEFAULT_VERSION,
        )
    }

    /// Sends a request and waits for the head of a good answer.
    pub(super) async fn send(&self, request: Request<Body>) -> Result<Reply, WireError> {
        let reply = self.exchange(request).await?;
        let status = reply.response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(reply);
        }
        let body = Limited::new(reply.response.into_body(), MAX_REFUSAL_BYTES);
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        let message = refusal(status, &body.unwrap_or_default());
        Err(refused(status, message))
    }

    /// Sends a request and waits for the head of any answer.
    async fn exchange(&self, request: Request<Body>) -> Result<Reply, WireError> {
        let request = self.addressed(request)?;
        let socket = self.connector.connect().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(socket)).await.map_err(|error| broken(&error))?;
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            // Its error reaches whoever reads the answer.
            drop(connection.with_upgrades().await);
        }));
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        Ok(Reply { response, connection })
    }

    /// The request with the path as the engine wants it, and the header that HTTP wants.
    fn addressed(&self, mut request: Request<Body>) -> Result<Request<Body>, WireError> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let path = match self.api_minor.load(Ordering::Relaxed) {
            0 => path.to_owned(),
            minor => format!("/v1.{minor}{path}"),
        };
        *request.uri_mut() =
            Uri::try_from(path).map_err(|error| WireError::Unsendable(error.to_string()))?;
        request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
        Ok(request)
    }
}

/// The head of a request; `path` begins with a slash and may have a query.
pub(super) fn request(method: Method, path: &str) -> request::Builder {
    Request::builder().method(method).uri(path)
}

/// No body.
pub(super) fn nothing() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is sent as it comes.
pub(super) fn streamed(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    let frames = stream.map_ok(Frame::data).map_err(BodyError::from);
    BodyExt::boxed_unsync(StreamBody::new(frames))
}

/// Completes a request.
pub(super) fn with_body(head: request::Builder, body: Body) -> Result<Request<Body>, WireError> {
    head.body(body).map_err(|error| WireError::Unsendable(error.to_string()))
}

/// The words for a connection that did not last. hyper's own are about its inner life; what
/// the system says of the socket is about the wire. That is further down where the connection
/// ended before the request was on its way: an engine that refuses our certificate may be that
/// quick.
pub(super) fn broken(error: &hyper::Error) -> WireError {
    let mut causes = iter::successors(std::error::Error::source(error), |cause| cause.source());
    let system = causes.find_map(|cause| cause.downcast_ref());
    if let Some(fault) = system.and_then(TlsFault::of) {
        return WireError::Tls(fault);
    }
    WireError::Broken(match system {
        Some(error) => in_words(error),
        None => "it closed the connection".to_owned(),
    })
}

/// What the system says, without its number: `connection refused (os error 111)`.
pub(super) fn in_words(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return "it closed the connection".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// What a refusal means.
fn refused(status: StatusCode, message: String) -> WireError {
    // The words of Go's HTTP server, which is all of an engine that is met without TLS.
    if message.starts_with("Client sent an HTTP request to an HTTPS server") {
        return WireError::Tls(TlsFault::TlsWanted);
    }
    WireError::Refused { status, message }
}

/// The sentence in an engine's refusal: `{"message": …}`, or the text as it is.
fn refusal(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message,
        Err(_) if body.is_empty() => status.to_string(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}

/// The type of a context.
pub(super) fn tar(head: request::Builder) -> request::Builder {
    head.header(CONTENT_TYPE, "application/x-tar")
}

#[cfg(test)]
mod tests;
