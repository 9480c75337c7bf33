//! Opens connections to one engine, of whichever kind its address asks for.
//!
//! All that is said to an engine goes through here, bollard's requests too (see `wire.rs`):
//! there is one place for TLS, and one for noticing that the other end is gone.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::address::Address;
use super::tls::Tls;
use super::wire::WireError;

/// For the connection and, over it, the handshake of TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A host that lost its power says nothing. Without these a build on it would last until
/// its time limit; with them it ends about a minute later.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_TRIES: u32 = 3;

/// An open connection of whichever kind.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// The way to one engine.
#[derive(Debug)]
pub(super) struct Connector {
    address: Address,
    tls: Option<Tls>,
}

impl Connector {
    pub(super) const fn new(address: Address, tls: Option<Tls>) -> Self {
        Self { address, tls }
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<Box<dyn Socket>, WireError> {
        let connecting = async {
            let socket = dial(&self.address).await.map_err(WireError::Unreachable)?;
            match &self.tls {
                Some(tls) => tls.shake_hands(socket).await,
                None => Ok(socket),
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| Err(WireError::Unreachable(io::ErrorKind::TimedOut.into())))
    }
}

async fn dial(address: &Address) -> io::Result<Box<dyn Socket>> {
    Ok(match address {
        Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Address::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            watch(&stream)?;
            Box::new(stream)
        }
    })
}

/// Has the system notice when the other end is gone.
fn watch(stream: &TcpStream) -> io::Result<()> {
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_TRIES);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keepalive)?;
    // Keepalive rests while sent bytes wait to be acknowledged, as those of a context do.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(KEEPALIVE_AFTER + KEEPALIVE_EVERY * KEEPALIVE_TRIES))?;
    Ok(())
}
