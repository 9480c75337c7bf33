//! Where a redirect may lead.

use std::collections::HashSet;

use http::{HeaderMap, StatusCode, header};
use thiserror::Error;
use url::Url;

use super::error::FetchErrorKind;
use crate::show::show_url;

/// Redirects that are followed, one after the other.
pub const MAX_REDIRECTS: usize = 10;

/// Redirects that are not followed. The words complete the sentence "the address …".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RedirectFault {
    /// More than [`MAX_REDIRECTS`] in a row.
    #[error("redirects further after {MAX_REDIRECTS} redirects")]
    TooMany,
    /// To where it came from.
    #[error("redirects in a circle, back to {0}")]
    Loop(String),
    /// To nothing that is an address.
    #[error("redirects, and does not say where to")]
    Nowhere,
    /// To an address that is neither http nor https.
    #[error("redirects to an address of the scheme {0}")]
    Scheme(String),
    /// From https to http, while there is a login or a secret header.
    #[error("redirects to {0}, which is not encrypted")]
    Downgrade(String),
}

impl RedirectFault {
    pub(super) const fn hint(&self) -> &'static str {
        match self {
            Self::TooMany | Self::Loop(_) => {
                "open the address as slipway does: curl -vL, without cookies; a login page often \
                 redirects like this"
            }
            Self::Nowhere => "its server has to name an address in the header Location",
            Self::Scheme(_) => "only http and https are followed: name the file's own address",
            Self::Downgrade(_) => {
                "a request with a login stays encrypted: name an https address, or leave out the \
                 login"
            }
        }
    }
}

/// The way that a fetch has taken.
#[derive(Debug)]
pub(super) struct Way {
    seen: HashSet<Url>,
    has_secrets: bool,
}

impl Way {
    pub(super) fn from(start: &Url, has_secrets: bool) -> Self {
        Self { seen: HashSet::from([without_fragment(start.clone())]), has_secrets }
    }

    /// The next address, from an answer of this one that redirects.
    pub(super) fn on(&mut self, here: &Url, headers: &HeaderMap) -> Result<Url, FetchErrorKind> {
        let fault = |fault| Err(FetchErrorKind::Redirect(fault));
        let location = headers.get(header::LOCATION).map(http::HeaderValue::as_bytes);
        // Some servers send UTF-8 here, which `HeaderValue::to_str` refuses.
        let location = location.and_then(|bytes| std::str::from_utf8(bytes).ok());
        let Some(mut next) = location.and_then(|text| here.join(text).ok()) else {
            return fault(RedirectFault::Nowhere);
        };
        if !matches!(next.scheme(), "http" | "https") {
            return fault(RedirectFault::Scheme(next.scheme().to_owned()));
        }
        if self.has_secrets && here.scheme() == "https" && next.scheme() == "http" {
            return fault(RedirectFault::Downgrade(show_url(&next)));
        }
        // A server has no login to give to another in our name. Neither can fail: it has a host.
        let _ = next.set_username("");
        let _ = next.set_password(None);
        let next = without_fragment(next);
        if !self.seen.insert(next.clone()) {
            return fault(RedirectFault::Loop(show_url(&next)));
        }
        if self.seen.len() > MAX_REDIRECTS + 1 {
            return fault(RedirectFault::TooMany);
        }
        Ok(next)
    }
}

/// Whether an answer of this status names another address to go to.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn without_fragment(mut url: Url) -> Url {
    url.set_fragment(None);
    url
}
