//! Where a Docker host listens, and how a connection to it is opened.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use url::Url;

/// The port that `docker -H tcp://host` means.
const DEFAULT_PORT: u16 = 2375;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A host that lost its power says nothing. Without these a build on it would last until
/// its time limit; with them it ends about a minute later.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_TRIES: u32 = 3;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A socket in the file system.
    Unix(PathBuf),
    /// Plain TCP. `host` is a name or an address, without the brackets of IPv6.
    Tcp { host: String, port: u16 },
}

/// An open connection of whichever kind.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

impl Address {
    /// Reads `unix:///path`, `tcp://host:port` or `http://host:port`. The error completes the
    /// sentence "the url …".
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        if let Some(path) = url.strip_prefix("unix://") {
            return match path {
                path if !path.starts_with('/') => Err("has no absolute path after unix://"),
                path => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        let url = Url::parse(url).map_err(|_| "is no url")?;
        match url.scheme() {
            "tcp" | "http" => {}
            "https" => return Err("asks for tls, which is not supported yet"),
            "ssh" => return Err("asks for ssh, which is not supported"),
            _ => return Err("has another scheme than unix, tcp or http"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("has a login in it, which an engine does not take");
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err("has a path, which an engine does not have");
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        // `url` knows port 80 as the default of http and then hides it: an engine on port 80
        // has to be written as tcp.
        Ok(Self::Tcp { host, port: url.port().unwrap_or(DEFAULT_PORT) })
    }

    /// Opens a connection.
    pub(super) async fn dial(&self) -> io::Result<Box<dyn Socket>> {
        let dialing = async {
            let socket: Box<dyn Socket> = match self {
                Self::Unix(path) => Box::new(UnixStream::connect(path).await?),
                Self::Tcp { host, port } => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    watch(&stream)?;
                    Box::new(stream)
                }
            };
            Ok(socket)
        };
        tokio::time::timeout(CONNECT_TIMEOUT, dialing)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_urls() {
        let tcp = |host: &str, port| Ok(Address::Tcp { host: host.to_owned(), port });
        assert_eq!(
            Address::parse("unix:///var/run/docker.sock"),
            Ok(Address::Unix("/var/run/docker.sock".into()))
        );
        assert_eq!(Address::parse("tcp://build-1:2376"), tcp("build-1", 2376));
        assert_eq!(Address::parse("tcp://build-1"), tcp("build-1", DEFAULT_PORT));
        assert_eq!(Address::parse("http://10.0.0.7:2375/"), tcp("10.0.0.7", 2375));
        assert_eq!(Address::parse("tcp://[::1]:9"), tcp("::1", 9));
    }

    #[test]
    fn bad_urls() {
        for url in [
            "",
            "docker.sock",
            "/var/run/docker.sock",
            "unix://docker.sock",
            "unix://",
            "https://h:1",
            "ssh://h",
            "npipe:////./pipe/x",
            "tcp://",
            "tcp://u:p@h:1",
            "tcp://h:1/path",
            "tcp://h:99999",
            "tcp://h:1?x=1",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }
}
