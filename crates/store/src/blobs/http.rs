//! HTTP to a bucket, with the TLS that everything else here speaks.
//!
//! The library's own client would bring a second TLS stack. Every wait has an end: a server
//! that accepts a connection and then says nothing counts as away.

use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector as Tcp;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::StoreError;

const CONNECT: Duration = Duration::from_secs(5);
/// Until the head of an answer: a part of 8 MiB is on its way in this time, and a bucket
/// puts the parts of a blob together.
const ANSWER: Duration = Duration::from_secs(60);
/// Between two pieces of an answer.
const PIECE: Duration = Duration::from_secs(30);
/// A connection that is not used for so long is closed: servers do the same, and the next
/// request should not be the one to find out.
const IDLE: Duration = Duration::from_secs(20);

/// The client, made once for a bucket.
#[derive(Debug, Clone)]
pub(super) struct Http(Client<HttpsConnector<Tcp>, HttpRequestBody>);

impl Http {
    /// A client that trusts whom the system trusts, or `SSL_CERT_FILE` and `SSL_CERT_DIR`.
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut tcp = Tcp::new();
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector);
        Ok(Self(client))
    }
}

fn tls() -> Result<ClientConfig, StoreError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    // Named, because a process may have several providers linked in.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Settings(format!("tls cannot be set up: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

impl HttpConnector for Http {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Http {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = timeout(ANSWER, self.0.request(request))
            .await
            .map_err(|_| late("the blob store did not answer"))?
            .map_err(failed)?;
        Ok(answer.map(|body| HttpResponseBody::new(Patient::new(body).map_err(broken))))
    }
}

fn late(what: &'static str) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, io::Error::new(io::ErrorKind::TimedOut, what))
}

/// All of it can be asked for again: parts and blobs have their numbers and names.
fn failed(error: Error) -> HttpError {
    let refused = error
        .source()
        .and_then(|cause| cause.downcast_ref::<hyper::Error>())
        .is_some_and(hyper::Error::is_parse);
    let kind = match (error.is_connect(), refused) {
        (true, _) => HttpErrorKind::Connect,
        (false, true) => HttpErrorKind::Decode,
        (false, false) => HttpErrorKind::Interrupted,
    };
    HttpError::new(kind, error)
}

fn broken(error: io::Error) -> HttpError {
    let late = error.kind() == io::ErrorKind::TimedOut;
    let kind = if late { HttpErrorKind::Timeout } else { HttpErrorKind::Interrupted };
    HttpError::new(kind, error)
}

/// A body that breaks off when nothing comes for too long.
struct Patient {
    body: Incoming,
    until: Pin<Box<Sleep>>,
    /// Whether a piece was asked for and has not come: the clock runs while the server is
    /// waited for, not while the reader rests.
    waits: bool,
}

impl Patient {
    fn new(body: Incoming) -> Self {
        Self { body, until: Box::pin(sleep(PIECE)), waits: false }
    }
}

impl Body for Patient {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waits = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)));
        }
        if !self.waits {
            self.waits = true;
            self.until.as_mut().reset(Instant::now() + PIECE);
        }
        ready!(self.until.as_mut().poll(context));
        let late = "the blob store stopped in the middle of an answer";
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, late))))
    }
}
