//! TLS to an engine, with certificates on both sides.
//!
//! Whoever may talk to an engine is root on its host, so TLS here is what `dockerd
//! --tlsverify` asks for and no less: the engine shows a certificate that our CA signed for
//! its name, and so do we. The files are looked at for each connection and read again when
//! they have changed: certificates are rotated without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::connector::Socket;
use super::tls_fault::{File, TlsFault};
use super::wire::{WireError, in_words};

/// The files of TLS to a host, each in PEM. They are read when a connection is made, and
/// again when they have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates of the authority that signs for the engine.
    pub ca: PathBuf,
    /// Our certificate, with what lies between it and its authority.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// One host's side of TLS.
#[derive(Debug)]
pub(super) struct Tls {
    files: TlsFiles,
    server: ServerName<'static>,
    loaded: Mutex<Option<Loaded>>,
}

/// What the files held when they looked like this.
#[derive(Debug, Clone)]
struct Loaded {
    looks: Looks,
    config: Arc<ClientConfig>,
}

/// Time and length of each file; nothing of one that is not there.
type Looks = [Option<(SystemTime, u64)>; 3];

impl Tls {
    /// `host` is a name or an address, without the brackets of IPv6. `None` if it is no name
    /// that a certificate could have.
    pub(super) fn new(files: TlsFiles, host: &str) -> Option<Self> {
        let server = ServerName::try_from(host.to_owned()).ok()?;
        Some(Self { files, server, loaded: Mutex::new(None) })
    }

    /// Makes a connection a safe one.
    pub(super) async fn shake_hands(
        &self,
        socket: Box<dyn Socket>,
    ) -> Result<Box<dyn Socket>, WireError> {
        let config = self.config().await.map_err(WireError::Tls)?;
        let shaken = TlsConnector::from(config).connect(self.server.clone(), socket).await;
        let stream = shaken.map_err(|error| match TlsFault::of(&error) {
            Some(fault) => WireError::Tls(fault),
            None => WireError::Broken(in_words(&error)),
        })?;
        Ok(Box::new(stream))
    }

    /// What the files say now. Files that do not fit together, as in the middle of a
    /// rotation, leave what they said before in force.
    async fn config(&self) -> Result<Arc<ClientConfig>, TlsFault> {
        let looks = self.files.looks().await;
        let before = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(loaded) = before.as_ref().filter(|loaded| loaded.looks == looks) {
            return Ok(Arc::clone(&loaded.config));
        }
        match (self.files.read().await, before) {
            (Ok(config), _) => {
                let config = Arc::new(config);
                let loaded = Loaded { looks, config: Arc::clone(&config) };
                *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded);
                Ok(config)
            }
            (Err(fault), Some(before)) => {
                tracing::warn!(%fault, "the changed certificates cannot be used; the ones before stay in force");
                Ok(before.config)
            }
            (Err(fault), None) => Err(fault),
        }
    }
}

impl TlsFiles {
    async fn looks(&self) -> Looks {
        let look = async |path: &Path| {
            let metadata = tokio::fs::metadata(path).await.ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        [look(&self.ca).await, look(&self.cert).await, look(&self.key).await]
    }

    async fn read(&self) -> Result<ClientConfig, TlsFault> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(File::Ca, &self.ca).await? {
            roots.add(certificate).map_err(|_| TlsFault::Unusable(File::Ca))?;
        }
        let chain = certificates(File::Cert, &self.cert).await?;
        let key = PrivateKeyDer::from_pem_slice(&bytes(File::Key, &self.key).await?)
            .map_err(|_| TlsFault::Unusable(File::Key))?;
        // Named, because a process may have several providers linked in.
        let provider = Arc::new(ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| TlsFault::Other)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|_| TlsFault::NotAPair)
    }
}

async fn certificates(file: File, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let bytes = bytes(file, path).await?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    certificates
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or(TlsFault::Unusable(file))
}

async fn bytes(file: File, path: &Path) -> Result<Vec<u8>, TlsFault> {
    tokio::fs::read(path)
        .await
        .map_err(|error: io::Error| TlsFault::Unreadable(file, in_words(&error)))
}
