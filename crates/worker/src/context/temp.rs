//! The worker's temporary folder: one for each process, gone with it.
//!
//! A process holds a lock on its folder for as long as it lives, however it ends. Whoever
//! starts next removes the folders whose lock nobody holds, the lock last of all: a sweep that is
//! killed over it goes on with the next start. What has no lock, because a process ended just
//! before it made it or just after it removed it, is removed once nothing happened in it for a day.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use slipway_context::{Spool, SpoolError};
use uuid::Uuid;

const PREFIX: &str = "slipway-worker-";
const LOCK: &str = "lock";
/// Longer than a folder is ever without its lock, and than any build has a clone in one whose
/// lock was taken by whoever tidies up the machine's temporary files.
const LOCKLESS: Duration = Duration::from_secs(24 * 3600);
/// How many folders are tried, where each is taken for one that was left.
const TRIES: usize = 8;

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
        sweep(base, slipway_domain::now().into())?;
        for _ in 0..TRIES {
            let folder = base.join(format!("{PREFIX}{}", Uuid::new_v4().simple()));
            // What builds bring is nobody else's.
            DirBuilder::new().mode(0o700).create(&folder)?;
            let lock = File::create(folder.join(LOCK))?;
            match lock.try_lock() {
                // A sweep that saw the lock before it was held is through with the folder.
                Ok(()) if !folder.join(LOCK).exists() => {}
                // Or still at it.
                Err(TryLockError::WouldBlock) => {}
                Ok(()) => return Ok(Self(Arc::new(Owned { folder, _lock: lock }))),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Err(io::Error::other("others take each folder for one that was left"))
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

fn sweep(base: &Path, now: SystemTime) -> io::Result<()> {
    for entry in std::fs::read_dir(base)? {
        let entry = entry?;
        // No links: what they lead to is not ours.
        if !is_ours(&entry.file_name().to_string_lossy())
            || !entry.file_type().is_ok_and(|kind| kind.is_dir())
        {
            continue;
        }
        let folder = entry.path();
        // Held until the folder is gone: no other sweep is at it.
        let is_left = match File::open(folder.join(LOCK)) {
            Ok(lock) => match lock.try_lock() {
                Ok(()) => Some(lock),
                // Its process lives, or it cannot be known.
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => continue,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !is_old(&folder, now) {
                    // Its process may have just begun with it.
                    continue;
                }
                None
            }
            // Somebody else's.
            Err(_) => continue,
        };
        match remove(&folder) {
            Ok(()) => tracing::info!("removed what a worker that is gone left on the disk"),
            Err(error) => tracing::warn!(%error, "a temporary folder cannot be removed"),
        }
        drop(is_left);
    }
    Ok(())
}

/// A name as [`Temp::open`] makes them.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| rest.len() == 32 && Uuid::try_parse(rest).is_ok())
}

fn is_old(folder: &Path, now: SystemTime) -> bool {
    let changed = std::fs::metadata(folder).and_then(|folder| folder.modified());
    changed.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > LOCKLESS))
}

/// The lock last: it is how the next sweep knows that the folder was left.
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
    use std::thread;

    use super::*;

    fn folders(base: &Path) -> usize {
        std::fs::read_dir(base).unwrap().count()
    }

    /// A folder as a worker makes it, with something in it.
    fn left(base: &Path) -> PathBuf {
        let folder = base.join(format!("{PREFIX}{}", Uuid::new_v4().simple()));
        std::fs::create_dir_all(folder.join("clone/objects")).unwrap();
        std::fs::write(folder.join("half"), "bytes").unwrap();
        std::fs::write(folder.join("clone/objects/pack"), "bytes").unwrap();
        folder
    }

    fn changed_ago(folder: &Path, ago: Duration) {
        File::open(folder)
            .unwrap()
            .set_modified(SystemTime::from(slipway_domain::now()) - ago)
            .unwrap();
    }

    #[test]
    fn what_the_dead_left_is_removed_and_the_living_keep_theirs() {
        let base = tempfile::tempdir().unwrap();
        let living = Temp::open(base.path()).unwrap();
        let dead = left(base.path());
        std::fs::write(dead.join(LOCK), "").unwrap();
        std::fs::create_dir(base.path().join("somebody-elses")).unwrap();

        let other = Temp::open(base.path()).unwrap();
        assert!(!dead.exists());
        assert_eq!(folders(base.path()), 3);
        let mut spool = living.spool(4).unwrap();
        spool.write("1234").unwrap();
        assert!(spool.write("5").is_err());
        drop((living, other));
        assert_eq!(folders(base.path()), 1);
    }

    /// Whenever a sweep is killed: what is left still has its lock, or is nothing.
    #[test]
    fn the_lock_goes_last() {
        let base = tempfile::tempdir().unwrap();
        let folder = left(base.path());
        // Wherever the file system puts the lock among them.
        for number in 0..4000 {
            if number == 2000 {
                std::fs::write(folder.join(LOCK), "").unwrap();
            }
            std::fs::write(folder.join(number.to_string()), "").unwrap();
        }
        let (sweeping, lock) = (base.path().to_owned(), folder.join(LOCK));
        let sweep = thread::spawn(move || sweep(&sweeping, slipway_domain::now().into()));
        while lock.exists() {
            thread::yield_now();
        }
        // What is gone by now was gone before the lock.
        let rest = std::fs::read_dir(&folder).map_or(0, Iterator::count);
        assert_eq!(rest, 0, "{rest} files without a lock");
        sweep.join().unwrap().unwrap();
        assert_eq!(folders(base.path()), 0);
    }

    #[test]
    fn a_folder_without_a_lock_is_removed_when_it_is_old() {
        let base = tempfile::tempdir().unwrap();
        let (young, old, empty) = (left(base.path()), left(base.path()), left(base.path()));
        let minute = Duration::from_secs(60);
        changed_ago(&young, LOCKLESS - minute);
        changed_ago(&old, LOCKLESS + minute);
        std::fs::remove_dir_all(&empty).unwrap();
        std::fs::create_dir(&empty).unwrap();
        changed_ago(&empty, LOCKLESS + minute);
        // Old, and not ours: by their names, and by what they are.
        let others = ["notes", "0123456789abcdef0123456789abcdeg", "new-0123456789abcdef"];
        let others = others.map(|rest| base.path().join(format!("{PREFIX}{rest}")));
        for folder in &others {
            std::fs::create_dir(folder).unwrap();
            changed_ago(folder, LOCKLESS + minute);
        }
        let (link, target) = (left(base.path()), tempfile::tempdir().unwrap());
        std::fs::remove_dir_all(&link).unwrap();
        std::fs::write(target.path().join("theirs"), "").unwrap();
        std::os::unix::fs::symlink(target.path(), &link).unwrap();
        changed_ago(target.path(), LOCKLESS + minute);

        drop(Temp::open(base.path()).unwrap());
        assert!(!old.exists() && !empty.exists());
        assert!(young.join("clone/objects/pack").exists());
        assert!(others.iter().all(|folder| folder.exists()));
        assert!(target.path().join("theirs").exists());
        assert_eq!(folders(base.path()), 5);
    }

    /// Workers that start at one moment sweep while others make their folders.
    #[test]
    fn all_that_start_at_once_get_a_folder() {
        let base = tempfile::tempdir().unwrap();
        let start = |_| {
            let base = base.path().to_owned();
            thread::spawn(move || (0..50).map(|_| Temp::open(&base).unwrap()).collect::<Vec<_>>())
        };
        let threads: Vec<_> = (0..8).map(start).collect();
        let all: Vec<Temp> = threads.into_iter().flat_map(|one| one.join().unwrap()).collect();
        assert_eq!(all.len(), 400);
        assert!(all.iter().all(|temp| temp.folder().join(LOCK).exists()));
        drop(all);
        assert_eq!(folders(base.path()), 0);
    }
}
