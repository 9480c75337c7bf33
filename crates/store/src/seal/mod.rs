//! Secrets at rest.
//!
//! XChaCha20-Poly1305 with a random 24-byte nonce per seal. The build's id is associated
//! data, so that a sealed row moved to another build does not open. Each row names the
//! key that sealed it, which is what lets a ring hold an old key beside the new one.

mod file;
mod rotate;

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::{Digest, Sha256};
use slipway_domain::{BuildId, FollowerId, TriggerId};
use uuid::Uuid;

use crate::StoreError;

pub use file::new_key;
pub use rotate::{Rotated, rotate};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// The keys at hand. The first seals; all open.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<SealKey>,
}

#[derive(Clone)]
struct SealKey {
    id: String,
    cipher: XChaCha20Poly1305,
    /// For digests that nobody without the key can test guesses against.
    digest: Hmac<Sha256>,
}

/// Keeps the key of digests apart from the key of seals.
const DIGEST_KEY_OF: &[u8] = b"slipway keyed digest";

/// What a row keeps of secrets.
pub(crate) struct Sealed {
    pub(crate) key_id: String,
    pub(crate) nonce: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
}

impl KeyRing {
    /// A ring of one key made of 32 bytes.
    #[must_use]
    pub fn from_key(bytes: &[u8; KEY_BYTES]) -> Self {
        // The id is part of the key's digest: it tells keys apart and tells nothing else.
        let digest = Sha256::digest(bytes);
        let id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let cipher = XChaCha20Poly1305::new(&Key::from(*bytes));
        let digest_key = Sha256::new().chain_update(DIGEST_KEY_OF).chain_update(bytes).finalize();
        // HMAC's own key is a block of the hash; a shorter one is filled up with zeros.
        let mut block = [0; 64];
        for (into, byte) in block.iter_mut().zip(digest_key) {
            *into = byte;
        }
        let digest = <Hmac<Sha256> as KeyInit>::new(&block.into());
        Self { keys: vec![SealKey { id, cipher, digest }] }
    }

    /// The same ring, and after its own keys those of another, which only open.
    #[must_use]
    pub fn with_old(mut self, old: Self) -> Self {
        for key in old.keys {
            if self.keys.iter().all(|known| known.id != key.id) {
                self.keys.push(key);
            }
        }
        self
    }

    /// The name of the key that seals: eight hexadecimal digits that tell keys apart and tell
    /// nothing else. `None` where the ring is empty.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.keys.first().map(|key| key.id.as_str())
    }

    /// A ring without a key: for work that touches no secret. Nothing can be sealed or
    /// opened with it.
    #[must_use]
    pub const fn empty() -> Self {
        Self { keys: Vec::new() }
    }

    /// A ring of one key in base64, as [`new_key`] makes it.
    ///
    /// # Errors
    /// When the text is of another form. It is not quoted.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        match file::decode(text) {
            Some(bytes) => Ok(Self::from_key(&bytes)),
            None => Err(StoreError::Settings(
                "secrets.key does not hold 32 bytes in base64; `slipwayd new-key` makes one".into(),
            )),
        }
    }

    /// Digests of `parts`, one by each key of the ring, the current one's first. Only a holder
    /// of the key can compute them: they may cover secrets and be kept after those are erased.
    /// What was kept before the keys were rotated is found again by an old one.
    #[must_use]
    pub fn digests(&self, parts: &[&[u8]]) -> Vec<String> {
        self.keys.iter().map(|key| key.digest_of(parts)).collect()
    }

    pub(crate) fn seal(&self, build: BuildId, plain: &[u8]) -> Result<Sealed, StoreError> {
        self.seal_for(build.as_uuid(), plain)
            .map_err(|problem| StoreError::Sealed { build, problem })
    }

    pub(crate) fn open(&self, build: BuildId, sealed: &Sealed) -> Result<Vec<u8>, StoreError> {
        self.open_for(build.as_uuid(), sealed)
            .map_err(|problem| StoreError::Sealed { build, problem })
    }

    pub(crate) fn seal_follower(
        &self,
        follower: FollowerId,
        plain: &[u8],
    ) -> Result<Sealed, StoreError> {
        self.seal_for(follower.as_uuid(), plain)
            .map_err(|problem| StoreError::SealedFollower { follower, problem })
    }

    pub(crate) fn open_follower(
        &self,
        follower: FollowerId,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, StoreError> {
        self.open_for(follower.as_uuid(), sealed)
            .map_err(|problem| StoreError::SealedFollower { follower, problem })
    }

    pub(crate) fn seal_trigger(
        &self,
        trigger: TriggerId,
        plain: &[u8],
    ) -> Result<Sealed, StoreError> {
        self.seal_for(trigger.as_uuid(), plain)
            .map_err(|problem| StoreError::SealedTrigger { trigger, problem })
    }

    pub(crate) fn open_trigger(
        &self,
        trigger: TriggerId,
        sealed: &Sealed,
    ) -> Result<Vec<u8>, StoreError> {
        self.open_for(trigger.as_uuid(), sealed)
            .map_err(|problem| StoreError::SealedTrigger { trigger, problem })
    }

    /// Seals what belongs to one row, by that row's id.
    fn seal_for(&self, owner: Uuid, plain: &[u8]) -> Result<Sealed, &'static str> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| "the system gave no randomness")?;
        let key = self.keys.first().ok_or("there is no key to seal with")?;
        let payload = Payload { msg: plain, aad: owner.as_bytes() };
        let ciphertext = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| "they cannot be sealed")?;
        Ok(Sealed { key_id: key.id.clone(), nonce: nonce.to_vec(), ciphertext })
    }

    fn open_for(&self, owner: Uuid, sealed: &Sealed) -> Result<Vec<u8>, &'static str> {
        let key = self
            .keys
            .iter()
            .find(|key| key.id == sealed.key_id)
            .ok_or("they were sealed with a key that is not among those in secrets")?;
        let nonce: [u8; NONCE_BYTES] =
            sealed.nonce.as_slice().try_into().map_err(|_| "their nonce is of another length")?;
        let payload = Payload { msg: &sealed.ciphertext, aad: owner.as_bytes() };
        key.cipher
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| "they were changed, or belong to another row")
    }
}

impl SealKey {
    fn digest_of(&self, parts: &[&[u8]]) -> String {
        let mut digest = self.digest.clone();
        for part in parts {
            // The length first, so that no byte can move from one part to the next.
            digest.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_for_its_own_build_only() {
        let ring = KeyRing::from_key(&[7; 32]);
        let (mine, other) = (BuildId::generate(), BuildId::generate());
        let sealed = ring.seal(mine, b"hunter2").unwrap();
        assert!(!sealed.ciphertext.windows(7).any(|window| window == b"hunter2"));
        assert_eq!(ring.open(mine, &sealed).unwrap(), b"hunter2");
        assert!(ring.open(other, &sealed).is_err());
        assert!(KeyRing::from_key(&[8; 32]).open(mine, &sealed).is_err());
    }

    #[test]
    fn a_digest_tells_requests_apart_and_needs_the_key() {
        let ring = KeyRing::from_key(&[7; 32]);
        assert_eq!(ring.digests(&[b"a", b"b"]), ring.digests(&[b"a", b"b"]));
        assert_ne!(ring.digests(&[b"a", b"b"]), ring.digests(&[b"ab", b""]));
        assert_ne!(ring.digests(&[b"a"]), KeyRing::from_key(&[8; 32]).digests(&[b"a"]));
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let (old, new) = (KeyRing::from_key(&[7; 32]), KeyRing::from_key(&[8; 32]));
        let build = BuildId::generate();
        let before = old.seal(build, b"hunter2").unwrap();
        // An old key that is also the current one is there once.
        let ring = new.clone().with_old(old.clone()).with_old(new.clone());
        assert_eq!(format!("{ring:?}").matches('"').count(), 4, "{ring:?}");
        assert_eq!(ring.open(build, &before).unwrap(), b"hunter2");
        let after = ring.seal(build, b"hunter2").unwrap();
        assert_eq!(Some(after.key_id.as_str()), new.current());
        assert_eq!(new.open(build, &after).unwrap(), b"hunter2");
        assert!(old.open(build, &after).is_err());
        let digests = ring.digests(&[b"a"]);
        assert_eq!(digests, [new.digests(&[b"a"]), old.digests(&[b"a"])].concat());
    }
}
