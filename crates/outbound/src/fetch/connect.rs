//! From an address to a connection: guard, TCP, TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::select_ok;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Url;

use super::error::FetchErrorKind;
use super::tls_fault::TlsFault;
use crate::guard::Guard;
use crate::show::in_words;

/// Addresses of one name that are tried. Whoever owns a name may give it hundreds.
const MAX_TRIED: usize = 8;
/// The next address is tried beside the one before when that takes so long, as RFC 8305
/// recommends: one of two protocols may lead nowhere.
const STAGGER: Duration = Duration::from_millis(250);

/// An open connection, plain or not.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Connects to the host of an http or https address, where the guard allows it, within this
/// time.
pub(super) async fn connect(
    guard: &Guard,
    tls: &Arc<ClientConfig>,
    url: &Url,
    within: Duration,
) -> Result<Box<dyn Socket>, FetchErrorKind> {
    let host = url.host_str().ok_or(FetchErrorKind::BadUrl("has no host"))?;
    let port = url.port_or_known_default().ok_or(FetchErrorKind::BadUrl("has no port"))?;
    let deadline = Instant::now() + within;
    let late = || FetchErrorKind::Unreachable("no answer in time".to_owned());
    let dialling = async {
        let addresses = guard.resolve(host, port).await?;
        dial(&addresses).await.map_err(|error| FetchErrorKind::Unreachable(in_words(&error)))
    };
    let stream = timeout_at(deadline, dialling).await.map_err(|_| late())??;
    if url.scheme() == "http" {
        return Ok(Box::new(stream));
    }
    let name = server_name(host)
        .ok_or(FetchErrorKind::BadUrl("has a host that no certificate can name"))?;
    let greeting = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    match timeout_at(deadline, greeting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(match TlsFault::of(&error) {
            Some(fault) => FetchErrorKind::Tls(fault),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                FetchErrorKind::Tls(TlsFault::Silent)
            }
            None => FetchErrorKind::Unreachable(in_words(&error)),
        }),
        Err(_) => Err(FetchErrorKind::Tls(TlsFault::Silent)),
    }
}

/// Connects to one of these addresses: the first that answers.
async fn dial(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let tries = addresses.iter().take(MAX_TRIED).zip(0u32..).map(|(address, place)| {
        Box::pin(async move {
            tokio::time::sleep(STAGGER * place).await;
            TcpStream::connect(address).await
        })
    });
    let (stream, _) = select_ok(tries).await?;
    Ok(stream)
}

/// As whom the server has to show itself.
fn server_name(host: &str) -> Option<ServerName<'static>> {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    ServerName::try_from(host.to_owned()).ok()
}
