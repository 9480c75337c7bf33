//! A Docker host, as the rest of the worker sees it: build, tag, push, untag.
//!
//! Everything that is peculiar to engines stays in here: which builder one has, how each
//! tells its steps, the words in which each fails, how a session is held, what it takes to
//! make one stop. Outside there are steps, log bytes and typed failures. [`Engine`] is cheap
//! to clone; nothing in here outlives the future that a caller holds: dropping the future of
//! a build or a push closes its connections, and the engine stops.

mod address;
mod build;
mod buildkit;
mod classic;
mod faults;
mod images;
mod layers;
mod lines;
mod logins;
mod probe;
mod progress;
mod push;
mod session;
mod wire;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bollard::Docker;
use slipway_domain::{Failure, HostName, Reason};

use address::Address;
pub use build::{BuildRequest, BuiltImage};
pub use images::ImageInfo;
pub use probe::{Builder, BuilderChoice, EngineInfo};
pub use progress::Progress;
pub use push::Pushed;
use wire::Wire;

/// How to reach a Docker host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSettings {
    /// Its name, in messages.
    pub name: HostName,
    /// `unix:///path`, `tcp://host[:port]` or `http://host[:port]`; the port is 2375 if not
    /// given.
    pub url: String,
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
}

impl Engine {
    /// Makes ready to talk to a host, without any I/O: it need not be there yet.
    ///
    /// # Errors
    /// When the URL is none that an engine can have; the failure names it.
    pub fn connect(settings: &EngineSettings) -> Result<Self, Failure> {
        let EngineSettings { name, url, builder } = settings;
        let address = Address::parse(url).map_err(|fault| {
            let message = format!("docker host {name}: the url {url:?} {fault}");
            Failure::new(Reason::HostError, message)
                .hint("write unix:///var/run/docker.sock or tcp://host:2375 in the settings")
        })?;
        let wire = Arc::new(Wire::new(address));
        let docker = wire.client().map_err(|error| {
            Failure::new(Reason::Internal, format!("docker host {name}: {error}"))
        })?;
        let host =
            Host { name: name.clone(), choice: *builder, wire, docker, info: RwLock::new(None) };
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
