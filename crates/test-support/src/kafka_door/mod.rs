//! A door in front of a Kafka broker: TLS and a login, as Kafka's protocol has them. What comes
//! through goes to a broker that knows neither, as that of librdkafka's mock cluster.
//!
//! The broker advertises its own address; on the way out that is replaced by the door's, so that
//! clients stay on this side of it. That is a matter of the port, and so of bytes of one length.

mod login;
mod scram;
mod words;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::certificates::Signed;
pub use login::Mechanism;
use login::{Login, Round};
use words::{ApiKey, read_frame, write_frame};

/// What a client did at the door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It did not get beyond TLS.
    NoTls,
    /// It spoke TLS, and named this server.
    Tls(Option<String>),
    /// It logged in by this mechanism.
    LoggedIn(&'static str),
    /// Its login was not the right one.
    Refused(&'static str),
    /// It wanted something before it had logged in.
    Strange,
}

/// How a door is kept.
#[derive(Debug, Clone, Default)]
pub struct Keeping {
    /// The certificate that it shows; without one it speaks in the clear.
    pub tls: Option<Signed>,
    /// Who may pass; without it anybody.
    pub login: Option<(Mechanism, String, String)>,
    /// What is advertised as the broker's port, where that is not the door.
    pub advertised_port: Option<u16>,
}

/// A door, until it is dropped.
#[derive(Debug)]
pub struct Door {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    serving: JoinHandle<()>,
}

impl Door {
    /// Opens a door in front of the broker at `127.0.0.1:port`.
    ///
    /// # Errors
    /// When there is no port, or the certificate is none.
    pub async fn before(port: u16, keeping: Keeping) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let tls = keeping.tls.as_ref().map(acceptor).transpose()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let advertised = keeping.advertised_port.unwrap_or(address.port());
        let inside = Arc::new(Inside {
            broker: port,
            advertised,
            login: keeping.login,
            seen: Arc::clone(&seen),
        });
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (inside, tls) = (Arc::clone(&inside), tls.clone());
                tokio::spawn(async move {
                    // Whoever hangs up has seen enough.
                    let _ = match tls {
                        Some(tls) => inside.behind_tls(&tls, socket).await,
                        None => inside.serve(socket).await,
                    };
                });
            }
        });
        Ok(Self { address, seen, serving })
    }

    /// Its port on loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    /// What clients did here so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn acceptor(signed: &Signed) -> io::Result<TlsAcceptor> {
    let cert = CertificateDer::from_pem_slice(signed.cert.as_bytes()).map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(signed.key.as_bytes()).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![cert], key)
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

struct Inside {
    broker: u16,
    advertised: u16,
    login: Option<(Mechanism, String, String)>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Inside {
    fn saw(&self, seen: Seen) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }

    async fn behind_tls(&self, tls: &TlsAcceptor, socket: TcpStream) -> io::Result<()> {
        match tls.accept(socket).await {
            Ok(client) => {
                self.saw(Seen::Tls(client.get_ref().1.server_name().map(ToOwned::to_owned)));
                self.serve(client).await
            }
            Err(error) => {
                self.saw(Seen::NoTls);
                Err(error)
            }
        }
    }

    async fn serve(&self, mut client: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        let mut broker = TcpStream::connect(("127.0.0.1", self.broker)).await?;
        let mut login = self.login.as_ref().map(|(mechanism, name, password)| {
            Login::new(*mechanism, name.clone(), password.clone())
        });
        while let Some(request) = read_frame(&mut client).await? {
            let head = words::head(&request)?;
            let answer = match (head.key, &mut login) {
                (ApiKey::SaslHandshake, Some(login)) => login.handshake(&head)?,
                (ApiKey::SaslAuthenticate, Some(login)) => {
                    let (round, answer) = login.authenticate(&head)?;
                    match round {
                        Round::GoesOn => {}
                        Round::Passed => self.saw(Seen::LoggedIn(login.mechanism())),
                        Round::Refused => self.saw(Seen::Refused(login.mechanism())),
                    }
                    answer
                }
                (ApiKey::Other, Some(login)) if !login.has_passed() => {
                    self.saw(Seen::Strange);
                    return Ok(());
                }
                (key, login) => {
                    write_frame(&mut broker, &request).await?;
                    let Some(mut answer) = read_frame(&mut broker).await? else { return Ok(()) };
                    words::advertise(&mut answer, self.broker, self.advertised);
                    if key == ApiKey::ApiVersions && login.is_some() {
                        words::add_logins(&mut answer)?;
                    }
                    answer
                }
            };
            write_frame(&mut client, &answer).await?;
        }
        Ok(())
    }
}
