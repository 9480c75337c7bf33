//! Keys in PEM, as `openssl` and older releases of `ssh-keygen` write them.

use ring::rand::SystemRandom;
use ring::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use sec1::EcPrivateKey;

use crate::KeyProblem;
use crate::key::{Curve, Pair};
use crate::openssh::ecdsa_pair;

pub(crate) fn read(text: &str) -> Result<Pair, KeyProblem> {
    match PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| KeyProblem::NotAKey)? {
        PrivateKeyDer::Pkcs1(der) => {
            let pair = RsaKeyPair::from_der(der.secret_pkcs1_der());
            pair.map(Pair::Rsa).map_err(|_| KeyProblem::Unusable)
        }
        PrivateKeyDer::Sec1(der) => sec1(der.secret_sec1_der()),
        PrivateKeyDer::Pkcs8(der) => pkcs8(der.secret_pkcs8_der()).ok_or(KeyProblem::Unusable),
        _ => Err(KeyProblem::NotAKey),
    }
}

fn sec1(der: &[u8]) -> Result<Pair, KeyProblem> {
    let key = EcPrivateKey::try_from(der).map_err(|_| KeyProblem::NotAKey)?;
    let public = key.public_key.ok_or(KeyProblem::Unusable)?;
    // The number is written as long as those of its curve can be.
    let curve = match key.private_key.len() {
        32 => Curve::P256,
        48 => Curve::P384,
        66 => return Err(KeyProblem::Kind("ecdsa nistp521")),
        _ => return Err(KeyProblem::Kind("ecdsa on a curve that ssh does not know")),
    };
    ecdsa_pair(curve, key.private_key, public).ok_or(KeyProblem::Unusable)
}

/// The form says which algorithm the key is for; each reader takes its own alone.
fn pkcs8(der: &[u8]) -> Option<Pair> {
    let random = SystemRandom::new();
    let ecdsa = |curve: Curve| {
        let pair = EcdsaKeyPair::from_pkcs8(curve.algorithm(), der, &random).ok()?;
        Some(Pair::Ecdsa(pair, curve))
    };
    None.or_else(|| Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok().map(Pair::Ed25519))
        .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Pair::Rsa))
        .or_else(|| ecdsa(Curve::P256))
        .or_else(|| ecdsa(Curve::P384))
}
