//! Keys in the form that `ssh-keygen` writes (PROTOCOL.key in OpenSSH).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use ssh_encoding::Decode as _;
use zeroize::Zeroizing;

use crate::KeyProblem;
use crate::key::{Curve, Pair};
use crate::wire::without_zeros;

const BEGIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &str = "-----END OPENSSH PRIVATE KEY-----";
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// What is between the headings, if it is this form.
pub(crate) fn body(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(BEGIN)?;
    // A text that was cut off is of this form, too.
    Some(rest.split_once(END).map_or(rest, |(body, _)| body))
}

/// The strings of a form, one after the other.
struct Fields<'a>(&'a [u8]);

type Bytes = Zeroizing<Vec<u8>>;

impl Fields<'_> {
    fn string(&mut self) -> Result<Bytes, KeyProblem> {
        Vec::decode(&mut self.0).map(Zeroizing::new).map_err(|_| KeyProblem::NotAKey)
    }

    fn number(&mut self) -> Result<Bytes, KeyProblem> {
        Ok(Zeroizing::new(without_zeros(&self.string()?).to_vec()))
    }

    fn word(&mut self) -> Result<u32, KeyProblem> {
        u32::decode(&mut self.0).map_err(|_| KeyProblem::NotAKey)
    }
}

/// Reads what is between the headings. However its lines end, or were lost on the way.
pub(crate) fn read(body: &str) -> Result<Pair, KeyProblem> {
    let base64: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    let bytes = STANDARD.decode(base64.as_bytes()).map_err(|_| KeyProblem::NotAKey)?;
    let bytes = Zeroizing::new(bytes);
    let mut outer = Fields(bytes.strip_prefix(MAGIC).ok_or(KeyProblem::NotAKey)?);
    let (cipher, _kdf, _options) = (outer.string()?, outer.string()?, outer.string()?);
    if cipher.as_slice() != b"none" {
        return Err(KeyProblem::Passphrase);
    }
    if outer.word()? != 1 {
        return Err(KeyProblem::NotAKey);
    }
    let (_public, private) = (outer.string()?, outer.string()?);
    let mut fields = Fields(&private);
    // Equal numbers: with a passphrase they would say whether it was the right one.
    if fields.word()? != fields.word()? {
        return Err(KeyProblem::NotAKey);
    }
    let kind = fields.string()?;
    let pair = match kind.as_slice() {
        b"ssh-ed25519" => ed25519(&mut fields)?,
        b"ecdsa-sha2-nistp256" => ecdsa(Curve::P256, &mut fields)?,
        b"ecdsa-sha2-nistp384" => ecdsa(Curve::P384, &mut fields)?,
        b"ecdsa-sha2-nistp521" => return Err(KeyProblem::Kind("ecdsa nistp521")),
        b"ssh-rsa" => rsa(&mut fields)?,
        b"ssh-dss" => return Err(KeyProblem::Kind("dsa")),
        kind if kind.starts_with(b"sk-") => {
            return Err(KeyProblem::Kind("a key that lives in a security token"));
        }
        _ => return Err(KeyProblem::Kind("one that is not known here")),
    };
    pair.ok_or(KeyProblem::Unusable)
}

/// The public half, then seed and public half once more.
fn ed25519(fields: &mut Fields<'_>) -> Result<Option<Pair>, KeyProblem> {
    let (public, both) = (fields.string()?, fields.string()?);
    let seed = both.get(..32).ok_or(KeyProblem::NotAKey)?;
    Ok(Ed25519KeyPair::from_seed_and_public_key(seed, &public).ok().map(Pair::Ed25519))
}

/// The curve's name, the public point, the private number.
fn ecdsa(curve: Curve, fields: &mut Fields<'_>) -> Result<Option<Pair>, KeyProblem> {
    let (_name, public, private) = (fields.string()?, fields.string()?, fields.number()?);
    Ok(ecdsa_pair(curve, &private, &public))
}

/// A pair of a private number, with or without zeros before it, and its public point.
pub(crate) fn ecdsa_pair(curve: Curve, private: &[u8], public: &[u8]) -> Option<Pair> {
    let private = without_zeros(private);
    let mut filled = Zeroizing::new(vec![0; curve.bytes().checked_sub(private.len())?]);
    filled.extend_from_slice(private);
    let random = SystemRandom::new();
    let algorithm = curve.algorithm();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &filled, public, &random);
    Some(Pair::Ecdsa(pair.ok()?, curve))
}

/// The form leaves out two of the numbers (`d` modulo each prime less one), which follow from
/// the others.
fn rsa(fields: &mut Fields<'_>) -> Result<Option<Pair>, KeyProblem> {
    let (n, e, d) = (fields.number()?, fields.number()?, fields.number()?);
    let (inverse, p, q) = (fields.number()?, fields.number()?, fields.number()?);
    let exponent = |prime: &[u8]| {
        let prime = BigUint::from_bytes_be(prime);
        let less_one = (prime.bits() > 1).then(|| prime - 1_u32)?;
        Some(Zeroizing::new((BigUint::from_bytes_be(&d) % less_one).to_bytes_be()))
    };
    let (Some(d_p), Some(d_q)) = (exponent(&p), exponent(&q)) else { return Ok(None) };
    let public_key = PublicKeyComponents { n: n.as_slice(), e: e.as_slice() };
    let pair = RsaKeyPair::from_components(&KeyPairComponents {
        public_key,
        d: d.as_slice(),
        p: p.as_slice(),
        q: q.as_slice(),
        dP: d_p.as_slice(),
        dQ: d_q.as_slice(),
        qInv: inverse.as_slice(),
    });
    Ok(pair.ok().map(Pair::Rsa))
}
