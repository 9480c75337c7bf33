//! The server's half of SCRAM (RFC 5802, RFC 7677): neither side shows the password.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

const SALT: &[u8] = b"a salt of sixteen";
const ROUNDS: u32 = 4096;
/// What the server adds to the client's number. A real one is made anew each time.
const NONCE: &str = "the-door";

#[derive(Debug, Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// `None` never: HMAC takes keys of any length.
    fn hmac(self, key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Self::Sha256 => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
                mac.update(bytes);
                mac.finalize().into_bytes().to_vec()
            }
            Self::Sha512 => {
                let mut mac = Hmac::<Sha512>::new_from_slice(key).ok()?;
                mac.update(bytes);
                mac.finalize().into_bytes().to_vec()
            }
        })
    }

    /// `Hi` of the RFC: the password, made slow.
    fn salted(self, password: &[u8]) -> Option<Vec<u8>> {
        let mut last = self.hmac(password, &[SALT, &1_u32.to_be_bytes()].concat())?;
        let mut all = last.clone();
        for _ in 1..ROUNDS {
            last = self.hmac(password, &last)?;
            xor(&mut all, &last);
        }
        Some(all)
    }
}

/// One client's exchange.
pub(super) struct Scram {
    hash: Hash,
    name: String,
    password: String,
    /// Both messages of the beginning, once they were sent.
    begun: Option<String>,
}

impl Scram {
    pub(super) fn new(hash: Hash, name: &str, password: &str) -> Self {
        Self { hash, name: name.to_owned(), password: password.to_owned(), begun: None }
    }

    /// The answer to a message of the client, and whether it is the last; `None` where the
    /// client is not who it says.
    pub(super) fn reply(&mut self, said: &str) -> Option<(String, bool)> {
        match self.begun.take() {
            None => {
                // No channel is bound, and nobody else is spoken for.
                let bare = said.strip_prefix("n,,")?;
                let (name, nonce) = bare.strip_prefix("n=")?.split_once(",r=")?;
                if name != self.name {
                    return None;
                }
                let salt = STANDARD.encode(SALT);
                let reply = format!("r={nonce}{NONCE},s={salt},i={ROUNDS}");
                self.begun = Some(format!("{bare},{reply}"));
                Some((reply, false))
            }
            Some(begun) => {
                let (without_proof, proof) = said.split_once(",p=")?;
                let both = format!("{begun},{without_proof}");
                let hash = self.hash;
                let salted = hash.salted(self.password.as_bytes())?;
                let client_key = hash.hmac(&salted, b"Client Key")?;
                let signature = hash.hmac(&hash.digest(&client_key), both.as_bytes())?;
                let mut wanted = client_key;
                xor(&mut wanted, &signature);
                if STANDARD.decode(proof).ok()? != wanted {
                    return None;
                }
                let server_key = hash.hmac(&salted, b"Server Key")?;
                let signature = hash.hmac(&server_key, both.as_bytes())?;
                Some((format!("v={}", STANDARD.encode(signature)), true))
            }
        }
    }
}

fn xor(into: &mut [u8], with: &[u8]) {
    for (byte, other) in into.iter_mut().zip(with) {
        *byte ^= other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, but for salt and number, which are this file's own: so the
    /// client's half is done here, from the RFC's words.
    #[test]
    fn a_client_of_the_rfc_gets_in_and_one_with_another_password_does_not() {
        for (password, gets_in) in [("pencil", true), ("pencils", false)] {
            let mut scram = Scram::new(Hash::Sha256, "user", "pencil");
            let first = "n=user,r=rOprNGfwEbeRWgbNEkqO";
            let (reply, is_last) = scram.reply(&format!("n,,{first}")).unwrap();
            assert!(!is_last && reply.starts_with("r=rOprNGfwEbeRWgbNEkqO"), "{reply}");
            let nonce = reply.split(',').next().unwrap();
            let both = format!("{first},{reply},c=biws,{nonce}");
            let hash = Hash::Sha256;
            let salted = hash.salted(password.as_bytes()).unwrap();
            let key = hash.hmac(&salted, b"Client Key").unwrap();
            let mut proof = hash.hmac(&hash.digest(&key), both.as_bytes()).unwrap();
            xor(&mut proof, &key);
            let last = format!("c=biws,{nonce},p={}", STANDARD.encode(proof));
            assert_eq!(scram.reply(&last).is_some_and(|(_, is_last)| is_last), gets_in);
        }
    }
}
