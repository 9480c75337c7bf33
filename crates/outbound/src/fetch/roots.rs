//! Whom to trust: the certificates of the system, and those that the settings add.

use std::sync::Arc;

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

/// Reads the system's certificates (or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name)
/// and adds those in `extra`, PEM after PEM.
pub(super) fn client_config(extra: &[u8]) -> Result<Arc<ClientConfig>, RootsError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "certificates of the system cannot be read");
    }
    let (_, unusable) = roots.add_parsable_certificates(system.certs);
    if unusable > 0 {
        tracing::debug!(unusable, "some certificates of the system cannot be used");
    }
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(extra) {
        let certificate = certificate.map_err(|_| RootsError::Extra)?;
        roots.add(certificate).map_err(|_| RootsError::Extra)?;
    }
    if !extra.is_empty() && roots.len() == before {
        return Err(RootsError::Extra);
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
