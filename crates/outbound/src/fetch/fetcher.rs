//! From a request to a body: the way over redirects.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Response, header};
use hyper::body::Incoming;
use slipway_domain::Credentials;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::body::Body;
use super::connect::connect;
use super::error::{FetchError, FetchErrorKind, LoginSent};
use super::exchange::{Connection, Secrets, ask};
use super::header::SecretHeader;
use super::limits::Limits;
use super::rate_limit::rate_limit;
use super::redirect::{Way, is_redirect};
use super::roots::{RootsError, client_config};
use crate::guard::Guard;
use crate::show::show_url;

/// Fetches from addresses that users name. No proxy, no cookies, no decompression.
#[derive(Debug, Clone)]
pub struct Fetcher {
    pub(super) guard: Guard,
    pub(super) tls: Arc<ClientConfig>,
}

/// What to fetch.
#[derive(Clone)]
pub struct Request {
    /// An http or https address without a login in it.
    pub url: Url,
    /// Sent as HTTP Basic.
    pub login: Option<Credentials>,
    /// Sent besides. The login and these go to the origin of `url` alone (scheme, host and
    /// port): the first redirect to another leaves them behind for good.
    pub headers: Vec<SecretHeader>,
    /// How long it may take, and how much it may bring.
    pub limits: Limits,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("url", &show_url(&self.url))
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// An answer that brings the file.
#[derive(Debug)]
pub struct Fetched {
    /// Where it came from in the end, as [`show_url`] shows it.
    pub url: String,
    /// What the server says it is. An archive that is `text/html` is often a login page.
    pub content_type: Option<String>,
    /// Bytes of the body, if the server says so. It is kept to: a longer body is not read
    /// beyond it, and a shorter one ends in [`FetchErrorKind::Cut`].
    pub content_length: Option<u64>,
    /// The file.
    pub body: Body,
}

/// An answer, and the connection that its body comes over.
type Answer = (Response<Incoming>, Connection);

impl Fetcher {
    /// Trusts the authorities that the system trusts, as they are now, and those in
    /// `extra_roots`: certificates in PEM, one after the other, or nothing.
    ///
    /// # Errors
    /// When `extra_roots` holds something else.
    pub fn new(guard: Guard, extra_roots: &[u8]) -> Result<Self, RootsError> {
        Ok(Self { guard, tls: client_config(extra_roots)? })
    }

    /// Asks for a file, and returns when its first bytes are about to come.
    ///
    /// # Errors
    /// [`FetchErrorKind`] says what went wrong, and [`FetchError::failure`] in words that a
    /// user can act on.
    pub async fn get(&self, request: Request) -> Result<Fetched, FetchError> {
        let Request { url: asked, login, headers, limits } = request;
        let deadline = Instant::now() + limits.total;
        let mut at = asked.clone();
        let fetching = self.follow(&mut at, Secrets { login, headers }, &limits);
        let answer = match timeout_at(deadline, fetching).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchErrorKind::TimedOut(limits.total)),
        };
        let failed = |kind| FetchError::new(&asked, &at, kind);
        let (head, incoming, connection) = match answer {
            Ok((response, connection)) => {
                let (head, incoming) = response.into_parts();
                (head, incoming, connection)
            }
            Err(kind) => return Err(failed(kind)),
        };
        let addresses = (show_url(&asked), show_url(&at));
        let body = Body::new(incoming, connection, limits, deadline, addresses).map_err(failed)?;
        Ok(Fetched {
            url: show_url(&at),
            content_type: content_type(&head.headers),
            content_length: body.progress().of(),
            body,
        })
    }

    /// Goes from address to address until one has the file. `at` is where it is.
    async fn follow(
        &self,
        at: &mut Url,
        mut secrets: Secrets,
        limits: &Limits,
    ) -> Result<Answer, FetchErrorKind> {
        check(at)?;
        let mut way = Way::from(at, !secrets.is_empty());
        let mut login = if secrets.is_empty() { LoginSent::None } else { LoginSent::Sent };
        loop {
            let answer = self.ask_once(at, &secrets, limits).await?;
            let status = answer.0.status();
            if !is_redirect(status) {
                if let Some(again) = rate_limit(status, answer.0.headers()) {
                    return Err(FetchErrorKind::RateLimited { again });
                }
                return match status.as_u16() {
                    200 | 203 => Ok(answer),
                    401 | 403 => Err(FetchErrorKind::Denied { login }),
                    404 | 410 => Err(FetchErrorKind::NotFound),
                    other => Err(FetchErrorKind::Status(other)),
                };
            }
            let next = way.on(at, answer.0.headers())?;
            if next.origin() != at.origin() && login == LoginSent::Sent {
                secrets = Secrets::default();
                login = LoginSent::Withheld;
            }
            *at = next;
        }
    }

    async fn ask_once(
        &self,
        url: &Url,
        secrets: &Secrets,
        limits: &Limits,
    ) -> Result<Answer, FetchErrorKind> {
        let socket = connect(&self.guard, &self.tls, url, limits.connect).await?;
        timeout(limits.idle, ask(socket, url, secrets))
            .await
            .unwrap_or(Err(FetchErrorKind::Idle(limits.idle)))
    }
}

/// What a user may name.
pub(super) fn check(url: &Url) -> Result<(), FetchErrorKind> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchErrorKind::BadUrl("is neither http nor https"));
    }
    // It would be stored and shown with the address.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchErrorKind::BadUrl("has a login in it"));
    }
    Ok(())
}

fn content_type(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(header::CONTENT_TYPE)?.to_str().ok()?.to_owned())
}
