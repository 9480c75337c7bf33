//! A small disk that can be filled.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A disk in memory, unmounted when dropped.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one. Only root may; whoever is not is told so by a failing test, because a
    /// full disk that was never tried is not known to be survived.
    pub(crate) fn mount(kibibytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k,mode=0755"), "tmpfs"])
            .arg(folder.path())
            .output();
        match done {
            Ok(output) if output.status.success() => Self { folder },
            Ok(output) => panic!(
                "a small tmpfs could not be mounted: run this test as root (make test does): {}",
                String::from_utf8_lossy(&output.stderr).trim()
            ),
            Err(error) => panic!("there is no mount command: {error}"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills what is free, down to the last byte, until the answer is dropped.
    pub(crate) fn fill(&self) -> Filler {
        let filler = Filler(self.path().join("filler"));
        let mut file = fs::File::create(&filler.0).unwrap();
        let block = [0_u8; 4096];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return filler,
                Err(error) => panic!("the disk could not be filled: {error}"),
            }
        }
    }
}

/// What takes up the room on a small disk.
pub(crate) struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a pool that is still closing may have a file open.
        let done = Command::new("umount").arg("--lazy").arg(self.path()).status();
        if !done.is_ok_and(|status| status.success()) && !std::thread::panicking() {
            panic!("{} is still mounted", self.path().display());
        }
    }
}
