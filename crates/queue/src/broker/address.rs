//! Where the broker is, as the settings name it, and who calls.

use std::net::Ipv6Addr;
use std::time::Duration;

use lapin::ConnectionProperties;
use lapin::types::FrameSize;
use lapin::uri::{AMQPScheme, AMQPUri};
use url::{Host, Url};

use crate::QueueError;

/// In seconds. A connection that is silent for twice as long counts as dead; RabbitMQ's own
/// default of a minute would leave a worker to its polling for two.
const HEARTBEAT: u16 = 10;

/// In bytes. Our messages have a hundred; the client library keeps 64 frames of this size
/// ready per connection, which with the default of 128 KiB is 8 MiB. RabbitMQ 4.1 takes no
/// less than this.
const FRAME: FrameSize = 8192;

/// How long connecting may take, from the first packet to the last declaration.
const CONNECT: Duration = Duration::from_secs(10);

const EXPECTED: &str = "queue.url must be local: or amqp://user:password@host:port/vhost \
     (amqps:// with TLS); special characters in its parts are percent-encoded";

/// A broker's address. Holds a password, and therefore is never shown as a whole.
#[derive(Clone)]
pub(crate) struct Address {
    uri: AMQPUri,
    connect: Duration,
}

impl Address {
    /// Parses `amqp://user:password@host:port/vhost` or `amqps://…`. Without a path, and with
    /// an empty one, the virtual host is `/`. Of the query parameters of RabbitMQ's clients,
    /// `heartbeat` (seconds) and `connection_timeout` (milliseconds) count.
    ///
    /// Written after <https://www.rabbitmq.com/docs/uri-spec>, which takes an empty path for
    /// a virtual host without a name. Nobody has one, and everybody writes that slash.
    pub(crate) fn parse(url: &str) -> Result<Self, QueueError> {
        // What the parsers say may quote the URL, and with it the password.
        let refused = || QueueError::Settings(EXPECTED.into());
        let parsed = Url::parse(url).map_err(|_| refused())?;
        let mut uri: AMQPUri = url.parse().map_err(|_| refused())?;
        match parsed.host() {
            // The client library takes no notice of these and goes to localhost.
            Some(Host::Ipv6(ip)) => uri.authority.host = ip.to_string(),
            Some(Host::Ipv4(ip)) => uri.authority.host = ip.to_string(),
            Some(Host::Domain("")) | None => return Err(refused()),
            Some(Host::Domain(_)) => {}
        }
        if uri.vhost.is_empty() {
            uri.vhost = "/".into();
        }
        uri.query.heartbeat = uri.query.heartbeat.or(Some(HEARTBEAT));
        uri.query.frame_max = Some(FRAME);
        let connect = uri.query.connection_timeout.map_or(CONNECT, Duration::from_millis);
        Ok(Self { uri, connect })
    }

    pub(super) fn uri(&self) -> AMQPUri {
        self.uri.clone()
    }

    pub(super) fn connect_within(&self) -> Duration {
        self.connect
    }

    pub(super) fn has_tls(&self) -> bool {
        self.uri.scheme == AMQPScheme::AMQPS
    }

    pub(super) fn host(&self) -> &str {
        &self.uri.authority.host
    }

    pub(super) fn port(&self) -> u16 {
        self.uri.authority.port
    }

    pub(super) fn vhost(&self) -> &str {
        &self.uri.vhost
    }

    pub(super) fn user(&self) -> &str {
        &self.uri.authority.userinfo.username
    }
}

/// `host:port`, and nothing that is secret.
impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.host().parse::<Ipv6Addr>() {
            Ok(ip) => write!(f, "[{ip}]:{}", self.port()),
            Err(_) => write!(f, "{}:{}", self.host(), self.port()),
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({self})")
    }
}

/// What the broker shows about this connection in its lists.
pub(super) fn introduction() -> ConnectionProperties {
    ConnectionProperties::default()
        .with_connection_name(process_name().into())
        .with_client_property("product".into(), "slipway".into())
        .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into())
}

/// Such as `slipwayd worker, process 4711 on build-7`.
fn process_name() -> String {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    // The role. An argument of any other kind may be nobody's business.
    let role = arguments.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
    let role = role.map(|role| format!(" {role}")).unwrap_or_default();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{program}{role}, process {} on {}", std::process::id(), host.trim())
}
