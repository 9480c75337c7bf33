//! Telling a server something: one request with a body, and the beginning of its answer.
//!
//! No redirect is followed: what is posted is meant for the address that was named.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::time::{timeout, timeout_at};
use url::{Position, Url};

use super::connect::connect;
use super::error::FetchErrorKind;
use super::exchange::{introduce, send};
use super::fetcher::{Fetcher, check};
use super::header::SecretHeader;
use super::post_error::PostError;

/// What is posted.
pub struct Post {
    /// An http or https address without a login in it.
    pub url: Url,
    /// Sent as they are, and may be shown.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Sent besides, and never shown.
    pub secret_headers: Vec<SecretHeader>,
    /// What is told.
    pub body: PostBody,
    /// Resolving, connecting and TLS together.
    pub connect: Duration,
    /// From the end of the body to the last byte of the answer that is read.
    pub answer: Duration,
    /// Bytes of the answer's body that are read.
    pub answer_bytes: usize,
}

/// The body of a [`Post`].
pub enum PostBody {
    /// All of it, with its length.
    Whole(Bytes),
    /// Piece by piece, chunked, each sent as soon as it is there. Nothing is taken from it
    /// ahead of the receiver but what the connection holds (64 KiB and the system's buffers).
    /// It may last for as long as it likes: whoever makes it has to watch over that.
    Pieces(BoxStream<'static, Bytes>),
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The status, whatever it is.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The beginning of the body.
    pub body: Bytes,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("url", &crate::show::show_url(&self.url))
            .finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Posts, and returns when the answer was read as far as it is wanted. An answer that
    /// comes before the body was sent is the answer all the same.
    ///
    /// # Errors
    /// When there is no answer: [`PostError`] says why. An answer of whatever status is none.
    pub async fn post(&self, post: Post) -> Result<Answered, PostError> {
        let at = crate::show::show_url(&post.url);
        self.exchange(post).await.map_err(|kind| PostError { at, kind })
    }

    async fn exchange(&self, post: Post) -> Result<Answered, FetchErrorKind> {
        check(&post.url)?;
        let socket = connect(&self.guard, &self.tls, &post.url, post.connect).await?;
        let (told, at_end) = tokio::sync::oneshot::channel();
        let mut request =
            http::Request::post(&post.url[Position::BeforePath..Position::AfterQuery])
                .body(body(post.body, told))
                .map_err(|_| FetchErrorKind::BadUrl("has a character that no address may have"))?;
        let headers = request.headers_mut();
        for (name, value) in post.headers {
            headers.append(name, value);
        }
        for secret in &post.secret_headers {
            headers.append(secret.name(), secret.value().clone());
        }
        introduce(headers, &post.url)?;
        headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));

        let sending = send(socket, request);
        tokio::pin!(sending);
        let deadline = tokio::select! {
            early = &mut sending => {
                let (response, connection) = early?;
                return read(response, post.answer_bytes, connection, post.answer).await;
            }
            // Dropped, when all was taken from it.
            _ = at_end => tokio::time::Instant::now() + post.answer,
        };
        let late = |_| Err(FetchErrorKind::Idle(post.answer));
        let (response, connection) = timeout_at(deadline, sending).await.unwrap_or_else(late)?;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        read(response, post.answer_bytes, connection, left).await
    }
}

type Told = tokio::sync::oneshot::Sender<Infallible>;

/// The body of a request, which drops `told` when all of it was taken to be sent.
fn body(body: PostBody, told: Told) -> UnsyncBoxBody<Bytes, Infallible> {
    match body {
        PostBody::Whole(bytes) => {
            // Time runs from the beginning: a receiver that does not read is none that answers.
            drop(told);
            Full::new(bytes).boxed_unsync()
        }
        PostBody::Pieces(pieces) => {
            let frames = pieces.map(move |bytes| {
                let _held = &told;
                Ok(Frame::data(bytes))
            });
            BodyExt::boxed_unsync(StreamBody::new(frames))
        }
    }
}

/// Reads the beginning of an answer. Whatever is left of it, the connection is closed; a body
/// that does not come in time or breaks off is none: the status says it all.
async fn read(
    response: http::Response<Incoming>,
    limit: usize,
    _connection: super::exchange::Connection,
    within: Duration,
) -> Result<Answered, FetchErrorKind> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    let reading = async {
        while body.len() < limit {
            let Some(Ok(frame)) = incoming.frame().await else { break };
            let Ok(bytes) = frame.into_data() else { continue };
            let room = limit - body.len();
            body.extend(bytes.iter().take(room));
        }
    };
    let _ = timeout(within, reading).await;
    Ok(Answered { status: head.status.as_u16(), headers: head.headers, body: body.into() })
}
