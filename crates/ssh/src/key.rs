//! A private key, read and ready to sign.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::digest;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512,
    RsaKeyPair,
};
use thiserror::Error;

use crate::wire::{mpint, string};
use crate::{openssh, pem};

/// A private key without a passphrase.
pub struct SshKey {
    /// The public half, as SSH writes it.
    public: Vec<u8>,
    pair: Pair,
}

/// What signs.
pub(crate) enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair, Curve),
    Rsa(RsaKeyPair),
}

/// The curves that ECDSA is signed on here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
}

/// Why a text is no key that can be used here. None of these quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyProblem {
    /// No private key in any of the forms.
    #[error("is no private key in OpenSSH's form or in PEM")]
    NotAKey,
    /// The other half.
    #[error("is a public key; the private one is wanted")]
    Public,
    /// Nobody is here to type it.
    #[error("has a passphrase, which nobody is here to type")]
    Passphrase,
    /// A kind that is not signed with here.
    #[error("is of a kind that is not supported: {0}")]
    Kind(&'static str),
    /// The parts of it do not fit together, or are weak.
    #[error("cannot be used: its parts do not fit, or it is an rsa key of less than 2048 bits")]
    Unusable,
}

impl KeyProblem {
    /// What the sender can do about it.
    #[must_use]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::NotAKey => {
                "send the whole text of the key's file, from -----BEGIN to the last -----, with its \
                 line breaks (\\n in JSON)"
            }
            Self::Public => "send the file without .pub",
            Self::Passphrase => {
                "send a key without one, best one that is for this repository alone (a deploy \
                 key): ssh-keygen -t ed25519 -N '' -f deploy; it is kept sealed, and erased when \
                 the build ends"
            }
            Self::Kind(_) | Self::Unusable => {
                "send an ed25519 key, an ecdsa key (nistp256 or nistp384) or an rsa key of 2048 to \
                 4096 bits"
            }
        }
    }
}

impl Curve {
    pub(crate) fn algorithm(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        }
    }

    /// Its name in SSH (RFC 5656, 10.1).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
        }
    }

    /// The length of its numbers in bytes.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

impl SshKey {
    /// Reads a private key: OpenSSH's own form, or PEM (PKCS#8, PKCS#1, SEC 1).
    ///
    /// # Errors
    /// When it is none, has a passphrase, or is of a kind that is not supported.
    pub fn parse(text: &str) -> Result<Self, KeyProblem> {
        let text = text.trim();
        if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.contains("PUBLIC KEY--") {
            return Err(KeyProblem::Public);
        }
        if let Some(body) = openssh::body(text) {
            return Ok(Self::of(openssh::read(body)?));
        }
        // PKCS#8 says it in its heading, the older forms in a header of the PEM.
        let headers = text.lines().take_while(|line| !line.trim().is_empty());
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || headers.into_iter().any(|line| line.contains("ENCRYPTED"))
        {
            return Err(KeyProblem::Passphrase);
        }
        if text.contains("-----BEGIN DSA PRIVATE KEY-----") {
            return Err(KeyProblem::Kind("dsa"));
        }
        Ok(Self::of(pem::read(text)?))
    }

    fn of(pair: Pair) -> Self {
        let public = match &pair {
            Pair::Ed25519(pair) => {
                [string(b"ssh-ed25519"), string(pair.public_key().as_ref())].concat()
            }
            Pair::Ecdsa(pair, curve) => {
                let point = string(pair.public_key().as_ref());
                [ecdsa_name(*curve), string(curve.name().as_bytes()), point].concat()
            }
            Pair::Rsa(pair) => {
                let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                [string(b"ssh-rsa"), mpint(&parts.e), mpint(&parts.n)].concat()
            }
        };
        Self { public, pair }
    }

    /// The public half, as SSH writes it.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Signs `data`, and names the way in which it is signed. `flags` say with which hash an RSA
    /// key is to sign (draft-miller-ssh-agent, 3.6.1): SHA-256 where that is asked for, else
    /// SHA-512. SHA-1, which no flag means, is taken by no server any more.
    pub(crate) fn sign(&self, data: &[u8], flags: u32) -> Option<Vec<u8>> {
        const RSA_SHA2_256: u32 = 2;
        let random = SystemRandom::new();
        let (name, signature) = match &self.pair {
            Pair::Ed25519(pair) => (string(b"ssh-ed25519"), pair.sign(data).as_ref().to_vec()),
            Pair::Ecdsa(pair, curve) => {
                let fixed = pair.sign(&random, data).ok()?;
                let (r, s) = fixed.as_ref().split_at_checked(curve.bytes())?;
                (ecdsa_name(*curve), [mpint(r), mpint(s)].concat())
            }
            Pair::Rsa(pair) => {
                let (name, padding) = match flags & RSA_SHA2_256 {
                    0 => (string(b"rsa-sha2-512"), &RSA_PKCS1_SHA512),
                    _ => (string(b"rsa-sha2-256"), &RSA_PKCS1_SHA256),
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(padding, &random, data, &mut signature).ok()?;
                (name, signature)
            }
        };
        Some([name, string(&signature)].concat())
    }
}

/// By its fingerprint, as `ssh-keygen -l` shows it.
impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = digest::digest(&digest::SHA256, &self.public);
        write!(f, "SshKey(SHA256:{})", STANDARD_NO_PAD.encode(digest))
    }
}

fn ecdsa_name(curve: Curve) -> Vec<u8> {
    string(format!("ecdsa-sha2-{}", curve.name()).as_bytes())
}
