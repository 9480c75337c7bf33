//! What is left half written in a folder: the library stages a blob as `name#number` beside its
//! place.

use std::path::Path;

use chrono::{DateTime, Utc};

/// Removes what was staged there before `before` and never got its name.
pub(super) fn sweep_unfinished(folder: &Path, before: DateTime<Utc>) -> std::io::Result<usize> {
    let mut removed = 0;
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // Nothing was ever written there.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let staged = entry.file_name().to_string_lossy().contains('#');
        if !staged {
            continue;
        }
        match remove_if_older(&entry, before) {
            Ok(done) => removed += usize::from(done),
            // Its writer has just finished with it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

fn remove_if_older(entry: &std::fs::DirEntry, before: DateTime<Utc>) -> std::io::Result<bool> {
    let modified = entry.metadata()?.modified()?;
    if DateTime::<Utc>::from(modified) >= before {
        return Ok(false);
    }
    std::fs::remove_file(entry.path())?;
    Ok(true)
}
