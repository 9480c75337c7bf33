//! What can be wrong with a server's certificate, told apart.

use std::io;

use thiserror::Error;
use tokio_rustls::rustls::{CertificateError, Error};

/// Why there is no safe connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TlsFault {
    /// From an authority that nobody here knows, or from the server itself.
    #[error("its certificate is signed by an authority that slipway does not know")]
    UnknownAuthority,
    /// Too old.
    #[error("its certificate has expired")]
    Expired,
    /// From the future.
    #[error("its certificate is not valid yet")]
    NotYetValid,
    /// Somebody else's.
    #[error("its certificate is for another name")]
    WrongName,
    /// Not good for anything.
    #[error("its certificate cannot be used")]
    BadCertificate,
    /// The other end does not speak TLS.
    #[error("it does not speak tls at that port")]
    NoTls,
    /// The other end took the connection and says nothing in TLS.
    #[error("it does not answer in tls at that port")]
    Silent,
    /// Anything else.
    #[error("it and slipway do not agree on how to speak tls")]
    Other,
}

impl TlsFault {
    /// The fault that a handshake ended in, if it was one of TLS.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "these are the ones that can be acted on")]
    pub fn of(error: &io::Error) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<Error>()?;
        Some(match error {
            Error::InvalidCertificate(error) => Self::of_certificate(error),
            Error::InvalidMessage(_) => Self::NoTls,
            _ => Self::Other,
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the library has more to come")]
    const fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            // Of an authority with a name that is known, and another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Self::UnknownAuthority
            }
            _ => Self::BadCertificate,
        }
    }

    /// What to do about it.
    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "if it is a private authority, have its certificate added to those that the \
                 machines of slipway trust"
            }
            Self::Expired => "it needs a new certificate",
            Self::NotYetValid => "check the clocks of that server and of slipway",
            Self::WrongName => "name the host as its certificate does",
            Self::BadCertificate => "it needs a certificate for servers, of version 3",
            Self::NoTls | Self::Silent => {
                "check the port, and whether the address begins with http rather than https"
            }
            Self::Other => "it has to speak TLS 1.2 or 1.3",
        }
    }
}
