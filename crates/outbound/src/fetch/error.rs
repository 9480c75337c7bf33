//! What can go wrong with a fetch.

use std::time::Duration;

use url::Url;

use super::redirect::RedirectFault;
use super::tls_fault::TlsFault;
use crate::address::Refused;
use crate::guard::ResolveError;
use crate::show::show_url;

/// A fetch that did not succeed. It holds no userinfo, query or header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchError {
    /// The address that was asked for, as [`show_url`](crate::show_url) shows it.
    pub asked: String,
    /// The address at which it happened: another after a redirect.
    pub at: String,
    /// What happened.
    pub kind: FetchErrorKind,
}

/// What happened to a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchErrorKind {
    /// No address that can be fetched. Completes the sentence "the address …".
    BadUrl(&'static str),
    /// At an address that requests may not reach.
    Refused(Refused),
    /// The host's name cannot be resolved; the words say so.
    Unresolved(String),
    /// No connection, or one that ended before an answer; the words say why.
    Unreachable(String),
    /// No safe connection.
    Tls(TlsFault),
    /// The answer is not HTTP.
    NotHttp,
    /// 404 or 410: it is not there.
    NotFound,
    /// 401 or 403.
    Denied {
        /// What became of the login.
        login: LoginSent,
    },
    /// 429, or another refusal that says that too many requests came.
    RateLimited {
        /// When it is worth asking again, in words that the server chose, such as `in 30 s`.
        again: Option<String>,
    },
    /// Another status than one that brings the file.
    Status(u16),
    /// Redirects that lead nowhere, or where they must not.
    Redirect(RedirectFault),
    /// No byte came for so long.
    Idle(Duration),
    /// Too few bytes came in this time of waiting for them.
    TooSlow {
        /// How many.
        bytes: u64,
        /// In how long.
        within: Duration,
    },
    /// It was not through in this time.
    TimedOut(Duration),
    /// More bytes than the limit.
    TooLarge {
        /// The limit.
        limit: u64,
        /// What the server announced, if it did.
        announced: Option<u64>,
    },
    /// The body ended before its end.
    Cut {
        /// Bytes that came.
        got: u64,
        /// Of how many, if the server had said so.
        of: Option<u64>,
    },
}

/// What became of the login or the secret headers of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginSent {
    /// There was none.
    None,
    /// It was sent, and refused.
    Sent,
    /// A redirect led to another server, which does not get it.
    Withheld,
}

impl FetchError {
    pub(super) fn new(asked: &Url, at: &Url, kind: FetchErrorKind) -> Self {
        Self { asked: show_url(asked), at: show_url(at), kind }
    }
}

impl From<ResolveError> for FetchErrorKind {
    fn from(error: ResolveError) -> Self {
        match error {
            ResolveError::Refused(refused) => Self::Refused(refused),
            ResolveError::NoHost(_) => Self::BadUrl("has no host"),
            ResolveError::Unresolved { .. } => Self::Unresolved(error.to_string()),
        }
    }
}

impl std::error::Error for FetchError {}
