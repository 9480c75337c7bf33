//! What others on the machine can see of a fetch.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The processes that run in a folder.
pub(crate) fn within(folder: &Path) -> Vec<PathBuf> {
    let folder = folder.canonicalize().unwrap();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path());
    all.filter(|process| {
        std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder))
    })
    .collect()
}

/// The arguments of a process, which everybody may read.
pub(crate) fn arguments(process: &Path) -> String {
    let bytes = std::fs::read(process.join("cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// Its environment, and the rights of others to it.
pub(crate) fn environment(process: &Path) -> (String, u32) {
    let path = process.join("environ");
    let mode = std::fs::metadata(&path).unwrap().mode() & 0o077;
    (String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned(), mode)
}
