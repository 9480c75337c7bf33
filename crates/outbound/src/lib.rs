//! The one way out to addresses that users name: archives, git remotes, registries.
//!
//! A worker stands inside a network, where much is open to it that is closed to whoever
//! sends it a request: the metadata of its cloud, the panel of its router, a database that
//! trusts its neighbours. So a request must not choose where the worker connects to, except
//! among public addresses and those that the settings allow.
//!
//! Resolving a name, checking the answer and dialling are one step here ([`Guard`]), because
//! apart they are a hole: whoever owns a name decides what it resolves to each time it is
//! asked, a public address for the check and a private one for the connection a moment
//! later. A name is resolved once, each address of the answer is checked, and those very
//! addresses are dialled; nothing asks for the name again. Programs that dial for
//! themselves, as git does, are given the checked addresses.
//!
//! [`Fetcher`] is the HTTP client over it. Each redirect goes through the guard again, and
//! nothing that it fetches can last for ever or grow without end.

mod address;
mod fetch;
mod guard;
mod show;

pub use address::{AddressKind, AddressPolicy, AllowListError, Refused};
pub use fetch::{
    Answered, Body, Call, FetchError, FetchErrorKind, Fetched, Fetcher, HeaderError, Limits,
    LoginSent, MAX_REDIRECTS, Outgoing, Post, PostError, Progress, RedirectFault, Reply, Request,
    RootsError, SecretHeader, TlsFault, authorities_pem,
};
pub use guard::{Guard, Resolve, ResolveError, SystemResolver};
pub use show::show_url;
