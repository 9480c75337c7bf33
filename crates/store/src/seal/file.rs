//! Keys in files of their own.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KEY_BYTES, KeyRing};
use crate::StoreError;

impl KeyRing {
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

pub(super) fn decode(text: &str) -> Option<[u8; KEY_BYTES]> {
    STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

fn problem(path: &Path, what: &str) -> StoreError {
    StoreError::Settings(format!("secrets: the key file {}: {what}", path.display()))
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
    use slipway_domain::BuildId;

    use super::*;

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
