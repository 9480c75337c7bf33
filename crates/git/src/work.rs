//! The folder of one fetch, which is gone when nobody needs it any more.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// How often a folder is removed into which a killed process may still have written.
const TRIES: usize = 20;

/// A fresh folder that nobody else can look into.
pub(crate) struct Work {
    folder: Option<TempDir>,
    path: PathBuf,
}

impl Work {
    pub(crate) fn new(parent: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("git-").tempdir_in(parent)?;
        // Git is told about it from inside.
        let path = folder.path().canonicalize()?;
        Ok(Self { folder: Some(folder), path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        let path = folder.keep();
        for _ in 0..TRIES {
            match std::fs::remove_dir_all(&path) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                    std::thread::yield_now();
                }
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "the folder of a fetch stays");
                    return;
                }
            }
        }
        tracing::warn!(path = %path.display(), "the folder of a fetch stays: it is written to");
    }
}
