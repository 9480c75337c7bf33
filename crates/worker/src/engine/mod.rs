//! A Docker host, as the rest of the worker sees it: build, tag, push, untag.
//!
//! Everything that is peculiar to engines stays in here: which builder one has, how each
//! tells its steps, the words in which each fails, how a session is held, what it takes to
//! make one stop. Outside there are steps, log bytes and typed failures. [`Engine`] is cheap
//! to clone; nothing in here outlives the future that a caller holds: dropping the future of
//! a build or a push closes its connections, and the engine stops.

mod address;
mod attend;
mod build;
mod buildkit;
mod classic;
mod connector;
mod faults;
mod images;
mod layers;
mod lines;
mod logins;
mod probe;
mod progress;
mod pull;
mod push;
mod resources;
mod session;
mod shared;
mod tls;
mod tls_fault;
mod wire;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bollard::Docker;
use slipway_domain::{Failure, HostName, Reason};

use address::Address;
pub use build::{BuildRequest, BuiltImage};
use connector::Connector;
pub(crate) use faults::one_line;
pub use images::ImageInfo;
use probe::Acquaintance;
pub use probe::{Builder, BuilderChoice, EngineInfo};
pub use progress::Progress;
pub use push::Pushed;
use tls::Tls;
pub use tls::TlsFiles;
use wire::Wire;

/// How to reach a Docker host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Its name, in messages.
    pub name: HostName,
    /// `unix:///path`, `tcp://host[:port]` or `http://host[:port]`, with TLS also
    /// `https://host[:port]`; the port is 2375 if not given, and 2376 with TLS.
    pub url: String,
    /// TLS, where it is spoken.
    pub tls: Option<TlsFiles>,
    /// Whether the host may be reached without TLS though it is not on this machine: whoever
    /// else reaches that port is root on the host.
    pub plain_tcp: bool,
    /// Which of its builders to use.
    pub builder: BuilderChoice,
}

/// A Docker host. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    host: Arc<Host>,
}

struct Host {
    name: HostName,
    choice: BuilderChoice,
    wire: Arc<Wire>,
    docker: Docker,
    /// What the last probe found.
    info: RwLock<Option<EngineInfo>>,
    /// As what it answered then.
    last: Mutex<Option<Acquaintance>>,
}

impl Engine {
    /// Makes ready to talk to a host, without any I/O: it need not be there yet.
    ///
    /// # Errors
    /// When the URL is none that an engine can have, or is without TLS where it should not be;
    /// the failure names it.
    pub fn connect(settings: &EngineSettings) -> Result<Self, Failure> {
        let EngineSettings { name, url, tls, plain_tcp, builder } = settings;
        let refuse = |fault: &str, hint: &str| {
            let message = format!("docker host {name}: the url {url:?} {fault}");
            Failure::new(Reason::HostError, message).hint(hint)
        };
        let address = Address::parse(url, tls.is_some()).map_err(|fault| {
            refuse(fault, "write unix:///var/run/docker.sock or tcp://host:2376 in the settings")
        })?;
        if tls.is_none() && !plain_tcp && !address.is_local() {
            return Err(refuse(
                "is without tls: whoever else reaches that port is root on the host",
                "give the host tls_ca, tls_cert and tls_key, or, where nobody but slipway can \
                 reach that port, plain_tcp = true, under [[docker.hosts]] in the settings",
            ));
        }
        let tls = match (tls, &address) {
            (Some(files), Address::Tcp { host, .. }) => {
                Some(Tls::new(files.clone(), host).ok_or_else(|| {
                    refuse(
                        "has a host that no certificate can name",
                        "write its name or address in the url",
                    )
                })?)
            }
            (Some(_) | None, Address::Unix(_) | Address::Tcp { .. }) => None,
        };
        let wire = Arc::new(Wire::new(Connector::new(address, tls)));
        let docker = wire.client().map_err(|error| {
            Failure::new(Reason::Internal, format!("docker host {name}: {error}"))
        })?;
        let (name, choice) = (name.clone(), *builder);
        let (info, last) = (RwLock::default(), Mutex::default());
        let host = Host { name, choice, wire, docker, info, last };
        Ok(Self { host: Arc::new(host) })
    }

    /// The host's name.
    #[must_use]
    pub fn name(&self) -> &HostName {
        &self.host.name
    }

    /// What the last probe found, if there was one. No I/O.
    #[must_use]
    pub fn known(&self) -> Option<EngineInfo> {
        self.host.info.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("name", &self.host.name).finish_non_exhaustive()
    }
}
