//! Fetching over HTTP from an address that a user named.
//!
//! Made of hyper's connection and rustls, without a client library around them: what such a
//! library adds (a pool, proxies from the environment, redirects, resolving, decompression)
//! would all have to be switched off here, and addresses given as numbers pass by the
//! resolvers that it can be given. One request is one connection here, to an address that
//! the guard has just checked.

mod body;
mod connect;
mod error;
mod exchange;
mod failure;
mod fetcher;
mod header;
mod limits;
mod outgoing;
mod pace;
mod post;
mod post_error;
mod progress;
mod rate_limit;
mod redirect;
mod roots;
mod tls_fault;

pub use body::Body;
pub use error::{FetchError, FetchErrorKind, LoginSent};
pub use fetcher::{Call, Fetched, Fetcher, Reply, Request};
pub use header::{HeaderError, SecretHeader};
pub use limits::Limits;
pub use outgoing::Outgoing;
pub use post::{Answered, Post};
pub use post_error::PostError;
pub use progress::Progress;
pub use redirect::{MAX_REDIRECTS, RedirectFault};
pub use roots::{RootsError, authorities_pem};
pub use tls_fault::TlsFault;
