//! From a request to an answer: the way over redirects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use slipway_domain::Credentials;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::body::Body;
use super::connect::connect;
use super::error::{FetchError, FetchErrorKind, LoginSent};
use super::exchange::{Asked, Connection, Secrets, ask};
use super::header::SecretHeader;
use super::limits::Limits;
use super::outgoing::Outgoing;
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

/// A request that does more than fetch.
#[derive(Debug)]
pub struct Call {
    /// `GET` and `HEAD` follow redirects; no other does.
    pub method: Method,
    /// Where to, as whom, and within which limits. Its bytes are those of the answer.
    pub request: Request,
    /// What is sent with it.
    pub outgoing: Option<Outgoing>,
}

/// An answer to a [`Call`], whatever its status.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Where it came from in the end. It may have a secret in its query: show it by
    /// [`show_url`].
    pub url: Url,
    /// Its body. Where the status is an error, it may be announced as longer than the limits
    /// allow: the reading ends there.
    pub body: Body,
}

/// An answer, and the connection that its body comes over.
struct Answer {
    response: Response<Incoming>,
    connection: Connection,
    /// What had become of the login.
    login: LoginSent,
}

impl Fetcher {
    /// Trusts the authorities that the system trusts, as they are now, and those in
    /// `extra_roots`: certificates in PEM, one after the other, or nothing.
    ///
    /// # Errors
    /// When `extra_roots` holds something else.
    pub fn new(guard: Guard, extra_roots: &[u8]) -> Result<Self, RootsError> {
        Ok(Self { guard, tls: client_config(extra_roots)? })
    }

    /// The same behind another guard.
    #[must_use]
    pub fn behind(&self, guard: Guard) -> Self {
        Self { guard, tls: Arc::clone(&self.tls) }
    }

    /// What decides where this may go.
    #[must_use]
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Asks for a file, and returns when its first bytes are about to come.
    ///
    /// # Errors
    /// [`FetchErrorKind`] says what went wrong, and [`FetchError::failure`] in words that a
    /// user can act on.
    pub async fn get(&self, request: Request) -> Result<Fetched, FetchError> {
        let asked = request.url.clone();
        let call = Call { method: Method::GET, request, outgoing: None };
        let (Reply { status, headers, url, body }, login) = self.answer(call).await?;
        let failed = |kind| FetchError::new(&asked, &url, kind);
        if let Some(again) = rate_limit(status, &headers) {
            return Err(failed(FetchErrorKind::RateLimited { again }));
        }
        match status.as_u16() {
            200 | 203 => {}
            401 | 403 => return Err(failed(FetchErrorKind::Denied { login })),
            404 | 410 => return Err(failed(FetchErrorKind::NotFound)),
            other => return Err(failed(FetchErrorKind::Status(other))),
        }
        let body = body.fits().map_err(failed)?;
        Ok(Fetched {
            url: show_url(&url),
            content_type: content_type(&headers),
            content_length: body.progress().of(),
            body,
        })
    }

    /// Sends a request, and returns when the head of its answer is there, whatever it says.
    ///
    /// # Errors
    /// [`FetchErrorKind`] where there is no answer, where a redirect is followed that may not
    /// be, and where an answer that is no error is announced as too long.
    pub async fn send(&self, call: Call) -> Result<Reply, FetchError> {
        let asked = call.request.url.clone();
        let (reply, _) = self.answer(call).await?;
        if !reply.status.is_success() {
            return Ok(reply);
        }
        let at = reply.url.clone();
        let fits = reply.body.fits().map_err(|kind| FetchError::new(&asked, &at, kind));
        Ok(Reply { body: fits?, ..reply })
    }

    async fn answer(&self, call: Call) -> Result<(Reply, LoginSent), FetchError> {
        let Call { method, request: Request { url: asked, login, headers, limits }, outgoing } =
            call;
        let deadline = Instant::now() + limits.total;
        let mut at = asked.clone();
        let secrets = Secrets { login, headers };
        let fetching = self.follow(&method, &mut at, secrets, outgoing, &limits);
        let answer = match timeout_at(deadline, fetching).await {
            Ok(answer) => answer,
            Err(_) => Err(FetchErrorKind::TimedOut(limits.total)),
        };
        let Answer { response, connection, login } =
            answer.map_err(|kind| FetchError::new(&asked, &at, kind))?;
        let (head, incoming) = response.into_parts();
        let addresses = (show_url(&asked), show_url(&at));
        let body = Body::new(incoming, connection, limits, deadline, addresses);
        Ok((Reply { status: head.status, headers: head.headers, url: at, body }, login))
    }

    /// Goes from address to address until one answers. `at` is where it is.
    async fn follow(
        &self,
        method: &Method,
        at: &mut Url,
        mut secrets: Secrets,
        mut outgoing: Option<Outgoing>,
        limits: &Limits,
    ) -> Result<Answer, FetchErrorKind> {
        check(at)?;
        let mut way = Way::from(at, !secrets.is_empty());
        let mut login = if secrets.is_empty() { LoginSent::None } else { LoginSent::Sent };
        let follows = matches!(*method, Method::GET | Method::HEAD);
        loop {
            let asked = Asked { method, url: at, headers: &[], secrets: &secrets };
            let answer = self.ask_once(asked, outgoing.take(), limits.connect, limits.idle).await;
            let (response, connection) = answer?;
            if !follows || !is_redirect(response.status()) {
                return Ok(Answer { response, connection, login });
            }
            let next = way.on(at, response.headers())?;
            if next.origin() != at.origin() && login == LoginSent::Sent {
                secrets = Secrets::default();
                login = LoginSent::Withheld;
            }
            *at = next;
        }
    }

    /// Over a connection that is there within `within`, to a receiver that lets nobody wait for
    /// longer than `idle`.
    pub(super) async fn ask_once(
        &self,
        asked: Asked<'_>,
        outgoing: Option<Outgoing>,
        within: Duration,
        idle: Duration,
    ) -> Result<(Response<Incoming>, Connection), FetchErrorKind> {
        let socket = connect(&self.guard, &self.tls, asked.url, within).await?;
        let heard = outgoing.as_ref().map(Outgoing::heard).unwrap_or_default();
        heard.begin();
        tokio::select! {
            biased;
            answer = ask(socket, asked, outgoing) => answer,
            () = heard.idle_for(idle) => Err(FetchErrorKind::Idle(idle)),
        }
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
