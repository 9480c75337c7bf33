//! What can be wrong between two who should trust each other, told apart.

use std::io;

use slipway_outbound::TlsFault as ServerFault;
use thiserror::Error;
use tokio_rustls::rustls::{AlertDescription, Error};

/// A file of the settings, by the setting's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    Ca,
    Cert,
    Key,
}

/// Why there is no safe connection. The words complete "docker host x cannot be used: …".
/// Paths stay out of them: who reads a failure need not be who runs the hosts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum TlsFault {
    /// One of our files cannot be read.
    #[error("its {} cannot be read: {}", .0.setting(), .1)]
    Unreadable(File, String),
    /// One of our files has something else in it.
    #[error("its {} has no {} in it", .0.setting(), .0.content())]
    Unusable(File),
    /// Our certificate and key are not of each other.
    #[error("its tls_key is not the key of its tls_cert")]
    NotAPair,
    /// The engine's certificate is too old.
    #[error("the certificate of its engine has expired")]
    Expired,
    /// The engine's certificate is from the future.
    #[error("the certificate of its engine is not valid yet")]
    NotYetValid,
    /// The engine's certificate is somebody else's.
    #[error("the certificate of its engine is for another name")]
    WrongName,
    /// The engine's certificate is from somebody we do not know.
    #[error("the certificate of its engine is not signed by its tls_ca")]
    UnknownCa,
    /// The engine's certificate is not good for anything.
    #[error("the certificate of its engine cannot be used")]
    BadCertificate,
    /// The engine says that ours is too old.
    #[error("its engine refused the client certificate tls_cert: it has expired")]
    ClientExpired,
    /// The engine says that ours is from somebody it does not know.
    #[error("its engine refused the client certificate tls_cert: it does not know its authority")]
    ClientUnknownCa,
    /// The engine does not want ours.
    #[error("its engine refused the client certificate tls_cert")]
    ClientRefused,
    /// We speak TLS, and the other end does not.
    #[error("its engine does not speak tls at that port")]
    NoTls,
    /// The other end speaks TLS, and we do not.
    #[error("its engine wants tls at that port")]
    TlsWanted,
    /// Anything else.
    #[error("its engine and slipway do not agree on how to speak tls")]
    Other,
}

impl File {
    const fn setting(self) -> &'static str {
        match self {
            Self::Ca => "tls_ca",
            Self::Cert => "tls_cert",
            Self::Key => "tls_key",
        }
    }

    const fn content(self) -> &'static str {
        match self {
            Self::Ca | Self::Cert => "certificate in PEM",
            Self::Key => "private key in PEM",
        }
    }
}

impl TlsFault {
    /// The fault that a connection ended in, if it was one of TLS. With TLS 1.3 the engine
    /// looks at our certificate when we think that all is well, so that its refusal comes
    /// with the first answer.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        if let Some(Error::AlertReceived(alert)) = error.get_ref()?.downcast_ref::<Error>() {
            return Some(Self::of_alert(*alert));
        }
        Some(match ServerFault::of(error)? {
            ServerFault::UnknownAuthority => Self::UnknownCa,
            ServerFault::Expired => Self::Expired,
            ServerFault::NotYetValid => Self::NotYetValid,
            ServerFault::WrongName => Self::WrongName,
            ServerFault::BadCertificate => Self::BadCertificate,
            ServerFault::NoTls | ServerFault::Silent => Self::NoTls,
            ServerFault::Other => Self::Other,
        })
    }

    /// What the engine thinks of our certificate.
    #[expect(clippy::wildcard_enum_match_arm, reason = "these are the ones that can be acted on")]
    const fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::CertificateExpired => Self::ClientExpired,
            AlertDescription::UnknownCA => Self::ClientUnknownCa,
            AlertDescription::BadCertificate
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError => Self::ClientRefused,
            _ => Self::Other,
        }
    }

    /// What to do about it. `host` is the host's name.
    pub(super) fn hint(&self, host: &str) -> String {
        match self {
            Self::Unreadable(file, _) | Self::Unusable(file) => {
                let setting = file.setting();
                format!(
                    "check the file that {setting} of {host} names in the settings, and that the worker may read it"
                )
            }
            Self::NotAPair => format!("check tls_cert and tls_key of {host} in the settings"),
            Self::Expired => "give its docker engine a new certificate".to_owned(),
            Self::NotYetValid => "check the clocks of that host and of the worker".to_owned(),
            Self::WrongName => format!(
                "name {host} in its url as its certificate does, or give its docker engine a \
                 certificate with that name or address (subjectAltName)"
            ),
            Self::UnknownCa => format!(
                "put the certificate of the authority that signed for it into tls_ca of {host}"
            ),
            Self::BadCertificate => {
                "give its docker engine a certificate for servers, of version 3".to_owned()
            }
            Self::ClientExpired => {
                format!("put a new certificate where tls_cert of {host} points: it is read again")
            }
            Self::ClientUnknownCa | Self::ClientRefused => format!(
                "give {host} a tls_cert for clients that the authority in the tlscacert of its \
                 docker engine has signed"
            ),
            Self::NoTls => {
                format!(
                    "check the port in the url of {host}, and that its docker engine runs with --tlsverify"
                )
            }
            Self::TlsWanted => {
                format!("give {host} its tls_ca, tls_cert and tls_key in the settings")
            }
            Self::Other => "the log of its docker engine may say more".to_owned(),
        }
    }
}
