//! One request and the head of its answer, over a connection of its own.

use std::error::Error as _;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use slipway_domain::Credentials;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use super::connect::Socket;
use super::error::FetchErrorKind;
use super::header::SecretHeader;
use super::outgoing::{Outgoing, Sent};
use crate::show::in_words;

/// What is held of an answer before it is read, and the most that its head may have.
const BUFFER_BYTES: usize = 64 * 1024;
const USER_AGENT: &str = concat!("slipway/", env!("CARGO_PKG_VERSION"));

/// A connection that is read in the background. It is closed when this is dropped.
pub(super) type Connection = AbortOnDropHandle<()>;

/// What a request shows to the server that it was meant for, and to no other.
#[derive(Debug, Clone, Default)]
pub(super) struct Secrets {
    pub(super) login: Option<Credentials>,
    pub(super) headers: Vec<SecretHeader>,
}

impl Secrets {
    pub(super) const fn is_empty(&self) -> bool {
        self.login.is_none() && self.headers.is_empty()
    }
}

/// What is asked of one address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) method: &'a Method,
    pub(super) url: &'a Url,
    /// Sent as they are, and may be shown.
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) secrets: &'a Secrets,
}

/// Sends a request to an address, and waits for the head of the answer. One that comes before
/// all was sent is the answer all the same.
pub(super) async fn ask(
    socket: Box<dyn Socket>,
    asked: Asked<'_>,
    outgoing: Option<Outgoing>,
) -> Result<(Response<Incoming>, Connection), FetchErrorKind> {
    let request = request(asked, outgoing)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .handshake(TokioIo::new(socket))
        .await
        .map_err(|error| fault(&error))?;
    // Its errors come out of the answer and the body as well.
    let connection = AbortOnDropHandle::new(tokio::spawn(async move { drop(connection.await) }));
    let response = sender.send_request(request).await.map_err(|error| fault(&error))?;
    Ok((response, connection))
}

fn request(
    Asked { method, url, headers: shown, secrets }: Asked<'_>,
    outgoing: Option<Outgoing>,
) -> Result<http::Request<Sent>, FetchErrorKind> {
    let length = outgoing.as_ref().and_then(|outgoing| outgoing.bytes);
    // The login last: a header of the same name gives way to it.
    let mut request = http::Request::builder()
        .method(method)
        .uri(&url[Position::BeforePath..Position::AfterQuery])
        .body(Outgoing::sent(outgoing))
        .map_err(|_| FetchErrorKind::BadUrl("has a character that no address may have"))?;
    let headers = request.headers_mut();
    for (name, value) in shown {
        headers.append(name, value.clone());
    }
    for secret in &secrets.headers {
        headers.append(secret.name(), secret.value().clone());
    }
    introduce(headers, url)?;
    // The bytes as they are stored: a `.tar.gz` must not arrive as a tar.
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    // Said, so that it is sent as one piece: not every server takes chunks.
    if let Some(bytes) = length {
        headers.insert(header::CONTENT_LENGTH, bytes.into());
    }
    if let Some(login) = &secrets.login {
        headers.insert(header::AUTHORIZATION, basic(login));
    }
    Ok(request)
}

/// The headers of every request: to whom it goes, and from whom.
fn introduce(headers: &mut HeaderMap, url: &Url) -> Result<(), FetchErrorKind> {
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    headers.insert(header::HOST, host.map_err(|_| FetchErrorKind::BadUrl("has no host"))?);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    Ok(())
}

fn basic(login: &Credentials) -> HeaderValue {
    let pair = format!("{}:{}", login.username, login.password.expose());
    let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
    // Base64 has no character that a header could not have.
    let mut value =
        HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// What is wrong when no answer came.
fn fault(error: &hyper::Error) -> FetchErrorKind {
    if error.is_parse() {
        return FetchErrorKind::NotHttp;
    }
    if error.is_user() {
        return FetchErrorKind::Unreachable("what was to be sent broke off".to_owned());
    }
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    FetchErrorKind::Unreachable(match cause {
        Some(cause) => in_words(cause),
        None => "it closed the connection".to_owned(),
    })
}
