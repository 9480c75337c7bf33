//! The certificate that the API shows, from its files.
//!
//! Certificates last for weeks and servers for months: the files are looked at again as
//! clients come, at most once a second, and a pair that has changed is in force without a
//! restart. A pair that cannot be used, such as a new certificate beside a key that is not
//! written yet, leaves the one before in force.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};

use crate::roles::Failure;

/// How often the files are looked at, at most.
const PAUSE: Duration = Duration::from_secs(1);

/// A certificate and its key, each a file in PEM.
#[derive(Debug)]
pub(crate) struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    looked: Instant,
    /// How the files looked when they were read last.
    looks: Looks,
    pair: Arc<CertifiedKey>,
}

/// Time and length of each file; nothing of one that is not there.
type Looks = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// Names the setting of the file that cannot be used.
    pub(crate) fn read(cert: &Path, key: &Path) -> Result<Arc<Self>, Failure> {
        let looks = looks(cert, key);
        let pair = Arc::new(pair(cert, key)?);
        let held = Mutex::new(Held { looked: Instant::now(), looks, pair });
        Ok(Arc::new(Self { cert: cert.to_owned(), key: key.to_owned(), held }))
    }

    /// What is in force at `now`.
    fn current(&self, now: Instant) -> Arc<CertifiedKey> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(held.looked) >= PAUSE {
            held.looked = now;
            let looks = looks(&self.cert, &self.key);
            if looks != held.looks {
                // Once for each change, whatever came of it.
                held.looks = looks;
                match pair(&self.cert, &self.key) {
                    Ok(pair) => {
                        held.pair = Arc::new(pair);
                        tracing::info!("the certificate of the API has changed");
                    }
                    Err(problem) => tracing::warn!(
                        "the changed certificate cannot be used, the one before stays in force: {problem}"
                    ),
                }
            }
        }
        Arc::clone(&held.pair)
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current(Instant::now()))
    }
}

fn looks(cert: &Path, key: &Path) -> Looks {
    [cert, key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    })
}

fn pair(cert: &Path, key: &Path) -> Result<CertifiedKey, Failure> {
    let bytes = |setting: &str, path: &Path| {
        std::fs::read(path).map_err(|error: io::Error| {
            format!("settings: {setting}: {} cannot be read: {error}", path.display())
        })
    };
    let chain = bytes("http.tls_cert", cert)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
        format!("settings: http.tls_cert: {} holds no certificate in PEM", cert.display())
    })?;
    let secret = PrivateKeyDer::from_pem_slice(&bytes("http.tls_key", key)?).map_err(|_| {
        format!(
            "settings: http.tls_key: {} holds no private key in PEM without a passphrase",
            key.display()
        )
    })?;
    CertifiedKey::from_der(chain, secret, &ring::default_provider())
        .map_err(|error| unusable(&error, cert, key).into())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's, and there may be more of them")]
fn unusable(error: &Error, cert: &Path, key: &Path) -> String {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => format!(
            "settings: http.tls_key: {} is not the key of the first certificate in {}",
            key.display(),
            cert.display()
        ),
        Error::InvalidCertificate(_) => {
            format!("settings: http.tls_cert: {} holds no certificate: {error}", cert.display())
        }
        _ => format!("settings: http.tls_key: {} cannot be used: {error}", key.display()),
    }
}

#[cfg(test)]
mod tests {
    use slipway_test_support::certificates::{Authority, Signed, Valid};

    use super::*;

    /// A folder with a pair in it, and the way to another one.
    struct Files(tempfile::TempDir, Authority);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap(), Authority::new().unwrap())
        }

        fn signed(&self) -> Signed {
            self.1.for_server("localhost", Valid::Always).unwrap()
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, cert: &str, key: &str) {
            std::fs::write(self.path("cert"), cert).unwrap();
            std::fs::write(self.path("key"), key).unwrap();
        }

        fn read(&self) -> Result<Arc<Certificate>, Failure> {
            Certificate::read(&self.path("cert"), &self.path("key"))
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_by_its_setting() {
        let files = Files::new();
        let (one, other) = (files.signed(), files.signed());
        let problem = |cert: &str, key: &str| {
            files.write(cert, key);
            files.read().unwrap_err().to_string()
        };
        let nothing = files.read().unwrap_err().to_string();
        assert!(nothing.starts_with("settings: http.tls_cert: "), "{nothing}");
        for (cert, key, words) in [
            ("", &*one.key, "http.tls_cert"),
            (&*one.key, &*one.key, "http.tls_cert"),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &*one.key,
                "http.tls_",
            ),
            (&*one.cert, "", "http.tls_key"),
            (&*one.cert, &*one.cert, "http.tls_key"),
            (&*one.cert, &*other.key, "is not the key of"),
        ] {
            let problem = problem(cert, key);
            assert!(problem.contains(words), "{problem}");
            assert!(!problem.contains("BEGIN"), "{problem}");
        }
        files.write(&one.cert, &one.key);
        std::fs::remove_file(files.path("key")).unwrap();
        let nothing = files.read().unwrap_err().to_string();
        assert!(nothing.starts_with("settings: http.tls_key: "), "{nothing}");
    }

    #[test]
    fn a_changed_pair_is_in_force_and_a_bad_one_is_not() {
        let files = Files::new();
        let (one, other) = (files.signed(), files.signed());
        files.write(&one.cert, &one.key);
        let certificate = files.read().unwrap();
        let begun = Instant::now();
        let at = |seconds: u64| {
            let pair = certificate.current(begun + Duration::from_secs(seconds));
            pair.cert.first().unwrap().to_vec()
        };
        let first = at(2);
        // Half of a rotation.
        files.write(&format!("{}\n", other.cert), &one.key);
        assert_eq!(at(4), first);
        files.write(&other.cert, &format!("{}\n", other.key));
        assert_eq!(at(4), first, "looked at a moment ago");
        let second = at(6);
        assert_ne!(second, first);
        std::fs::remove_file(files.path("cert")).unwrap();
        assert_eq!(at(8), second);
        files.write(&one.cert, &one.key);
        assert_eq!(at(10), first);
    }
}
