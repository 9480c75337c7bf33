//! An authority that signs whatever a test needs: good certificates and bad ones.

use std::io;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, each in PEM.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The certificate.
    pub cert: String,
    /// The key.
    pub key: String,
}

/// When a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Valid {
    /// As long as any test lives.
    Always,
    /// Until the year 2001.
    NoMore,
    /// From the year 3000 on.
    NotYet,
}

impl Authority {
    /// A new one, which nobody knows.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn new() -> io::Result<Self> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "slipway tests");
        let pem = params.self_signed(&key).map_err(io::Error::other)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Its own certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server of this name or address.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn for_server(&self, name: &str, valid: Valid) -> io::Result<Signed> {
        self.for_names(&[name], valid)
    }

    /// The same for one that goes by several names and addresses.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn for_names(&self, names: &[&str], valid: Valid) -> io::Result<Signed> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, valid)
    }

    /// A certificate for a client.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn for_client(&self, valid: Valid) -> io::Result<Signed> {
        self.sign(Vec::new(), ExtendedKeyUsagePurpose::ClientAuth, valid)
    }

    fn sign(
        &self,
        names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
        valid: Valid,
    ) -> io::Result<Signed> {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.extended_key_usages.push(usage);
        let (from, to) = match valid {
            Valid::Always => (2000, 3000),
            Valid::NoMore => (2000, 2001),
            Valid::NotYet => (3000, 3001),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let cert = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        Ok(Signed { cert: cert.pem(), key: key.serialize_pem() })
    }
}
