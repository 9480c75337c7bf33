//! Resolving, checking and handing out what may be dialled, in one step.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use slipway_domain::{Failure, Reason};
use thiserror::Error;
use url::Host;

use crate::address::{AddressPolicy, Refused};
use crate::show::in_words;

/// The system's resolver has timeouts of its own, which may add up to minutes.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks for the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// All addresses of `host`, a name in lowercase and punycode, with `port` in each.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// What the system says: its hosts file, its DNS servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Why there is no address to dial.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// It may not be reached.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It is no host name and no address.
    #[error("{0:?} is no host name and no address")]
    NoHost(String),
    /// Its name has no address, or nobody answers for it.
    #[error("the name {host} cannot be resolved: {cause}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the resolver says.
        cause: String,
    },
}

impl ResolveError {
    /// The failure of a build that needs this host.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Refused(refused) => refused.failure(),
            Self::NoHost(_) => Failure::new(Reason::AddressRefused, self.to_string())
                .hint("check the host in the address"),
            Self::Unresolved { .. } => Failure::new(Reason::SourceUnreachable, self.to_string())
                .hint("check the spelling of the host, and that the machines of slipway can resolve it"),
        }
    }
}

/// The one that decides where connections to what users name may go.
#[derive(Clone)]
pub struct Guard {
    policy: Arc<AddressPolicy>,
    resolver: Arc<dyn Resolve>,
}

impl Guard {
    /// Asks the system for addresses.
    #[must_use]
    pub fn new(policy: AddressPolicy) -> Self {
        Self::with_resolver(policy, Arc::new(SystemResolver))
    }

    /// Asks another for addresses.
    #[must_use]
    pub fn with_resolver(policy: AddressPolicy, resolver: Arc<dyn Resolve>) -> Self {
        Self { policy: Arc::new(policy), resolver }
    }

    /// The addresses of a host, each of them checked. Dial these, and do not ask for the name
    /// again. There is at least one.
    ///
    /// `host` is a name or an address in any spelling: all that the `url` crate or the system
    /// would take for an address is read as one (`0x7f.1`, `2130706433`, `[::ffff:7f00:1]`,
    /// full-width digits). It has no userinfo, port or path.
    ///
    /// # Errors
    /// [`ResolveError::Refused`] when *any* of its addresses may not be reached: a name with
    /// one foot inside is none to take chances with. The others as they say.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
        match parse(host)? {
            Host::Domain(name) => {
                let mut addresses = self.look_up(&name, port).await?;
                for address in &mut addresses {
                    self.policy.check(&name, address.ip())?;
                    // Of a mapped address, what was checked is the address inside.
                    address.set_ip(address.ip().to_canonical());
                }
                Ok(addresses)
            }
            Host::Ipv4(address) => self.literal(address.into(), port),
            Host::Ipv6(address) => self.literal(address.into(), port),
        }
    }

    fn literal(&self, address: IpAddr, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
        self.policy.check(&address.to_string(), address)?;
        Ok(vec![SocketAddr::new(address.to_canonical(), port)])
    }

    async fn look_up(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
        let unresolved = |cause: String| ResolveError::Unresolved { host: name.to_owned(), cause };
        let looking = self.resolver.resolve(name, port);
        let found = match tokio::time::timeout(RESOLVE_TIMEOUT, looking).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(unresolved(in_words(&error))),
            Err(_) => return Err(unresolved("no answer in time".to_owned())),
        };
        if found.is_empty() {
            return Err(unresolved("it has no address".to_owned()));
        }
        Ok(found)
    }
}

/// Reads a host as the `url` crate does those of web addresses. Addresses of other schemes
/// (`ssh:`) come from it unread.
fn parse(host: &str) -> Result<Host, ResolveError> {
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        return Ok(Host::Ipv6(address));
    }
    let no_host = || ResolveError::NoHost(host.to_owned());
    match Host::parse(host).map_err(|_| no_host())? {
        Host::Domain(name) if name.trim_end_matches('.').is_empty() => Err(no_host()),
        host @ (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) => Ok(host),
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("policy", &self.policy).finish_non_exhaustive()
    }
}
