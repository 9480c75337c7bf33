//! Whom to trust: the certificates of the system, and those that the settings add.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Why there is nobody to trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RootsError {
    /// What was given besides the system's holds something else.
    #[error("the extra certificates are not all certificates in PEM")]
    Extra,
    /// The library of TLS refused its own defaults.
    #[error("tls cannot be set up")]
    Setup,
}

/// Columns of base64 in PEM (RFC 7468).
const COLUMNS: usize = 64;

/// The certificates of all who are trusted, in PEM, for a program that dials by itself: the
/// system's and those in `extra`. So it trusts whom the [`Fetcher`](super::Fetcher) trusts.
///
/// # Errors
/// As of [`Fetcher::new`](super::Fetcher::new).
pub fn authorities_pem(extra: &[u8]) -> Result<String, RootsError> {
    let mut trusted = system();
    trusted.extend(read(extra)?);
    let mut pem = String::new();
    for certificate in trusted {
        pem += "-----BEGIN CERTIFICATE-----\n";
        for (at, letter) in STANDARD.encode(&certificate).chars().enumerate() {
            if at > 0 && at % COLUMNS == 0 {
                pem.push('\n');
            }
            pem.push(letter);
        }
        pem += "\n-----END CERTIFICATE-----\n";
    }
    Ok(pem)
}

/// The system's certificates, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
fn system() -> Vec<CertificateDer<'static>> {
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "certificates of the system cannot be read");
    }
    system.certs
}

/// Certificates, PEM after PEM.
fn read(extra: &[u8]) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(extra).collect();
    let read = read.map_err(|_| RootsError::Extra)?;
    if read.is_empty() && !extra.is_empty() { Err(RootsError::Extra) } else { Ok(read) }
}

/// Trusts the system's certificates and those in `extra`.
pub(super) fn client_config(extra: &[u8]) -> Result<Arc<ClientConfig>, RootsError> {
    let mut roots = RootCertStore::empty();
    let (_, unusable) = roots.add_parsable_certificates(system());
    if unusable > 0 {
        tracing::debug!(unusable, "some certificates of the system cannot be used");
    }
    for certificate in read(extra)? {
        roots.add(certificate).map_err(|_| RootsError::Extra)?;
    }
    if roots.is_empty() {
        tracing::warn!("no authority is trusted: nothing can be fetched over https");
    }
    // Named, because a process may have several providers linked in.
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| RootsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
