//! The worker's temporary folder: one for each process, gone with it.
//!
//! A process holds a lock on its folder for as long as it lives, however it ends. Whoever
//! starts next removes the folders whose lock nobody holds.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use slipway_context::{Spool, SpoolError};
use uuid::Uuid;

const PREFIX: &str = "slipway-worker-";
const LOCK: &str = "lock";

/// A folder of this process. Removed when the last handle is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Temp(Arc<Owned>);

#[derive(Debug)]
struct Owned {
    folder: PathBuf,
    /// Held, not read.
    _lock: File,
}

impl Temp {
    /// Makes a folder in `base`, and removes those that dead processes left there.
    ///
    /// # Errors
    /// When there is no room or no right.
    pub(super) fn open(base: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).create(base)?;
        sweep(base)?;
        let folder = base.join(format!("{PREFIX}{}", Uuid::new_v4().simple()));
        // What builds bring is nobody else's.
        DirBuilder::new().mode(0o700).create(&folder)?;
        let lock = File::create(folder.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self(Arc::new(Owned { folder, _lock: lock })))
    }

    /// The folder. Whatever is made in there goes with the process at the latest.
    pub(super) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// A file without a name for an archive of at most so many bytes.
    pub(super) fn spool(&self, most: u64) -> Result<Spool, SpoolError> {
        Spool::new(&self.0.folder, most)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            tracing::warn!(%error, "the temporary folder cannot be removed");
        }
    }
}

fn sweep(base: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(base)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let folder = entry.path();
        match File::open(folder.join(LOCK)).map(|lock| lock.try_lock()) {
            // Its process lives.
            Ok(Err(TryLockError::WouldBlock)) => {}
            // Another one has just begun with it, or somebody else's folder has our name.
            Err(_) | Ok(Err(TryLockError::Error(_))) => {}
            Ok(Ok(())) => match remove(&folder) {
                Ok(()) => tracing::info!("removed what a worker that is gone left on the disk"),
                Err(error) => tracing::warn!(%error, "a temporary folder cannot be removed"),
            },
        }
    }
    Ok(())
}

/// The lock last: without it nobody else would take the folder for one of ours.
fn remove(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    std::fs::remove_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(base: &Path) -> usize {
        std::fs::read_dir(base).unwrap().count()
    }

    #[test]
    fn what_the_dead_left_is_removed_and_the_living_keep_theirs() {
        let base = tempfile::tempdir().unwrap();
        let living = Temp::open(base.path()).unwrap();
        let dead = base.path().join(format!("{PREFIX}dead"));
        std::fs::create_dir(&dead).unwrap();
        std::fs::write(dead.join(LOCK), "").unwrap();
        std::fs::write(dead.join("half"), "bytes").unwrap();
        std::fs::create_dir(base.path().join("somebody-elses")).unwrap();

        let other = Temp::open(base.path()).unwrap();
        assert!(!dead.exists());
        assert_eq!(folders(base.path()), 3);
        let mut spool = living.spool(4).unwrap();
        spool.write(b"1234").unwrap();
        assert!(spool.write(b"5").is_err());
        drop((living, other));
        assert_eq!(folders(base.path()), 1);
    }
}
