//! Keys written anew, for programs that read fewer forms than are taken here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::openssh::{BEGIN, END, MAGIC, body};
use crate::wire::string;

/// Characters in a line, as `ssh-keygen` breaks them.
const WIDTH: usize = 70;
/// What stands before the seed in PKCS#8: the name of the algorithm, and the seed's length in two
/// wrappings (RFC 8410, 7).
const BEFORE_SEED: &[u8] = b"\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// A private key that [`crate::SshKey::parse`] takes, as OpenSSH's own programs take it: with the
/// line breaks that it lost on the way, and of ed25519 never in PKCS#8, which they do not read.
#[must_use]
pub fn for_openssh(text: &str) -> Zeroizing<String> {
    let text = text.trim();
    if let Some(body) = body(text) {
        let joined: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        return lines(&joined);
    }
    match ed25519(text) {
        Some(form) => lines(&Zeroizing::new(STANDARD.encode(form.as_slice()))),
        None => Zeroizing::new(format!("{}\n", text.replace("\r\n", "\n"))),
    }
}

/// The bytes of OpenSSH's form (PROTOCOL.key).
fn ed25519(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).ok()?;
    let der = der.secret_pkcs8_der();
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
    let public = pair.public_key().as_ref();
    let at = der.windows(BEFORE_SEED.len()).position(|bytes| bytes == BEFORE_SEED)?;
    let seed = der.get(at + BEFORE_SEED.len()..)?.get(..32)?;

    let kind = string(b"ssh-ed25519");
    let both = Zeroizing::new([seed, public].concat());
    let both = Zeroizing::new(string(&both));
    // Two equal numbers, which are of use with a passphrase alone, and an empty comment.
    let mut private = Zeroizing::new(Vec::with_capacity(256));
    for part in [&[0; 8], kind.as_slice(), &string(public), &both, &string(b"")] {
        private.extend_from_slice(part);
    }
    let filling = (1..8).take(private.len().next_multiple_of(8) - private.len());
    private.extend(filling);

    let none = string(b"none");
    let public = string(&[kind, string(public)].concat());
    let private = Zeroizing::new(string(&private));
    let one = [0, 0, 0, 1];
    let parts = [MAGIC, &none, &none, &string(b""), &one, &public, &private];
    Some(Zeroizing::new(parts.concat()))
}

fn lines(base64: &str) -> Zeroizing<String> {
    let room = BEGIN.len() + END.len() + base64.len() * 2;
    let mut out = Zeroizing::new(String::with_capacity(room));
    out.push_str(BEGIN);
    for (place, c) in base64.chars().enumerate() {
        if place % WIDTH == 0 {
            out.push('\n');
        }
        out.push(c);
    }
    out.push('\n');
    out.push_str(END);
    out.push('\n');
    out
}
