//! Secrets at rest.
//!
//! XChaCha20-Poly1305 with a random 24-byte nonce per seal. The build's id is associated
//! data, so that a sealed row moved to another build does not open. Each row names the
//! key that sealed it, which is what lets a ring hold an old key beside the new one.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::{Digest, Sha256};
use slipway_domain::BuildId;

use crate::StoreError;

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
        match decode(text) {
            Some(bytes) => Ok(Self::from_key(&bytes)),
            None => Err(StoreError::Settings(
                "secrets.key does not hold 32 bytes in base64; `slipwayd new-key` makes one".into(),
            )),
        }
    }

    /// A digest of `parts` that only a holder of the key can compute: it may cover secrets
    /// and be kept after they are erased.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> String {
        let Some(key) = self.keys.first() else { return String::new() };
        let mut digest = key.digest.clone();
        for part in parts {
            // The length first, so that no byte can move from one part to the next.
            digest.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads the key from `path`, base64 of 32 bytes; makes the file, mode 0600, where
    /// there is none.
    ///
    /// # Errors
    /// When the file cannot be read or made, is of another form, or others may read it.
    pub fn load_or_create(path: &Path) -> Result<Self, StoreError> {
        match path.try_exists() {
            Ok(false) => create(path),
            Ok(true) | Err(_) => Self::read(path),
        }
    }

    /// Reads the key from `path`, base64 of 32 bytes.
    ///
    /// # Errors
    /// When the file cannot be read, is of another form, or others may read it.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| problem(path, &format!("cannot be read: {error}")))?;
        check_mode(path)?;
        let bytes = decode(&text).ok_or_else(|| {
            problem(path, "does not hold 32 bytes in base64; restore it from a backup")
        })?;
        Ok(Self::from_key(&bytes))
    }

    pub(crate) fn seal(&self, build: BuildId, plain: &[u8]) -> Result<Sealed, StoreError> {
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce)
            .map_err(|_| StoreError::Sealed { build, problem: "the system gave no randomness" })?;
        let key = self
            .keys
            .first()
            .ok_or(StoreError::Sealed { build, problem: "there is no key to seal with" })?;
        let aad = build.as_uuid();
        let payload = Payload { msg: plain, aad: aad.as_bytes() };
        let ciphertext = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Sealed { build, problem: "they cannot be sealed" })?;
        Ok(Sealed { key_id: key.id.clone(), nonce: nonce.to_vec(), ciphertext })
    }

    pub(crate) fn open(&self, build: BuildId, sealed: &Sealed) -> Result<Vec<u8>, StoreError> {
        let refuse = |problem| StoreError::Sealed { build, problem };
        let key =
            self.keys.iter().find(|key| key.id == sealed.key_id).ok_or_else(|| {
                refuse("they were sealed with a key that is not in secrets.key_file")
            })?;
        let nonce: [u8; NONCE_BYTES] = sealed
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| refuse("their nonce is of another length"))?;
        let aad = build.as_uuid();
        let payload = Payload { msg: &sealed.ciphertext, aad: aad.as_bytes() };
        key.cipher
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| refuse("they were changed, or belong to another build"))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

/// Makes a key: 32 random bytes in base64.
///
/// # Errors
/// When the system gives no randomness.
pub fn new_key() -> Result<String, StoreError> {
    let mut bytes = [0_u8; KEY_BYTES];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(STANDARD.encode(bytes)),
        Err(_) => Err(StoreError::Settings("the system gave no randomness for a key".into())),
    }
}

fn decode(text: &str) -> Option<[u8; KEY_BYTES]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

fn problem(path: &Path, what: &str) -> StoreError {
    StoreError::Settings(format!("secrets.key_file {}: {what}", path.display()))
}

fn create(path: &Path) -> Result<KeyRing, StoreError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    let text = new_key()?;
    let failed = |error: std::io::Error| problem(path, &format!("cannot be made: {error}"));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    // Written under another name first: a full disk must not leave half a key behind, and
    // of two processes that start at once, one has to take the other's.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", uuid::Uuid::new_v4()));
    let linked = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(format!("{text}\n").as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::hard_link(&draft, path));
    drop(std::fs::remove_file(&draft));
    match linked {
        Ok(()) => KeyRing::read(path),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => KeyRing::read(path),
        Err(error) => Err(failed(error)),
    }
}

/// Nobody else may read the file. If it is root's, its group may: a credential that systemd
/// hands over stays root's, and the entry for us in its access list shows as the group's.
fn check_mode(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;

    let file = std::fs::metadata(path)
        .map_err(|error| problem(path, &format!("cannot be read: {error}")))?;
    let others = if file.uid() == 0 { 0o037 } else { 0o077 };
    if file.mode() & others == 0 {
        Ok(())
    } else {
        let mode = file.mode() & 0o777;
        Err(problem(path, &format!("others may read it (mode {mode:o}); chmod 600")))
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
        assert_eq!(ring.digest(&[b"a", b"b"]), ring.digest(&[b"a", b"b"]));
        assert_ne!(ring.digest(&[b"a", b"b"]), ring.digest(&[b"ab", b""]));
        assert_ne!(ring.digest(&[b"a"]), KeyRing::from_key(&[8; 32]).digest(&[b"a"]));
    }

    #[test]
    fn the_key_file_is_private_and_kept() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/secret.key");
        let first = KeyRing::load_or_create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let build = BuildId::generate();
        let sealed = first.seal(build, b"x").unwrap();
        assert_eq!(KeyRing::load_or_create(&path).unwrap().open(build, &sealed).unwrap(), b"x");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = KeyRing::load_or_create(&path).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");

        // As systemd hands over a credential, which is root's.
        let is_roots = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&path).unwrap()) == 0;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o440)).unwrap();
        assert_eq!(KeyRing::load_or_create(&path).is_ok(), is_roots);
    }
}
