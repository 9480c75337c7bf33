//! Telling a server something: one request with a body, and the beginning of its answer.
//!
//! No redirect is followed: what is posted is meant for the address that was named.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;
use url::Url;

use super::error::FetchErrorKind;
use super::exchange::{Asked, Connection, Secrets};
use super::fetcher::{Fetcher, check};
use super::header::SecretHeader;
use super::outgoing::Outgoing;
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
    pub body: Outgoing,
    /// Resolving, connecting and TLS together.
    pub connect: Duration,
    /// The longest that the receiver may take nothing of the body; and from its end to the last
    /// byte of the answer that is read.
    pub answer: Duration,
    /// Bytes of the answer's body that are read.
    pub answer_bytes: usize,
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
        let Post { url, headers, secret_headers, body, connect, answer, answer_bytes } = post;
        check(&url)?;
        let secrets = Secrets { login: None, headers: secret_headers };
        let asked =
            Asked { method: &Method::POST, url: &url, headers: &headers, secrets: &secrets };
        let heard = body.heard();
        let (response, connection) = self.ask_once(asked, Some(body), connect, answer).await?;
        let left = answer.saturating_sub(heard.waited());
        Ok(read(response, answer_bytes, connection, left).await)
    }
}

/// Reads the beginning of an answer. Whatever is left of it, the connection is closed; a body
/// that does not come in time or breaks off is none: the status says it all.
async fn read(
    response: http::Response<Incoming>,
    limit: usize,
    _connection: Connection,
    within: Duration,
) -> Answered {
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
    Answered { status: head.status.as_u16(), headers: head.headers, body: body.into() }
}
