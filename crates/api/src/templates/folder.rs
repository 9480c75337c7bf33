//! Reading templates from a folder of the operator's.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::Parts;

/// As many as a build may bring beside a Dockerfile.
const MAX_FILES: usize = 500;
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The templates of a folder by their names, in order; those that cannot be read with what is
/// wrong. Files, and folders whose names begin with a dot, are none.
///
/// # Errors
/// When the folder itself cannot be read.
pub(super) fn read(folder: &Path) -> io::Result<Vec<(String, Result<Parts, String>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Through links: a volume of Kubernetes has nothing else.
        if name.starts_with('.') || !fs::metadata(entry.path()).is_ok_and(|meta| meta.is_dir()) {
            continue;
        }
        found.push((name, one(&entry.path())));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

fn one(folder: &Path) -> Result<Parts, String> {
    let text = |name: &str| {
        fs::read_to_string(folder.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let mut sample = Sample { files: BTreeMap::new(), bytes: 0 };
    let context = folder.join("context");
    if context.exists() {
        sample.add(&context, "")?;
    }
    Ok(Parts {
        manifest: text("template.toml")?,
        dockerfile: text("Dockerfile")?,
        files: sample.files,
    })
}

/// The sample application, as far as it was read.
struct Sample {
    files: BTreeMap<String, String>,
    bytes: u64,
}

impl Sample {
    /// Adds a folder that is at `place` in the context. Links that go in circles end at the
    /// number of files.
    fn add(&mut self, folder: &Path, place: &str) -> Result<(), String> {
        let failed = |error: io::Error| format!("context/{place}: {error}");
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(format!("context/{place}: has a name that is no UTF-8"));
            };
            // What a volume of Kubernetes keeps its files in, and links to.
            if name.starts_with("..") {
                continue;
            }
            let path = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
            let about = fs::metadata(entry.path()).map_err(|e| format!("context/{path}: {e}"))?;
            if about.is_dir() {
                self.add(&entry.path(), &path)?;
            } else {
                self.take(&entry.path(), path, about.len())?;
            }
        }
        Ok(())
    }

    fn take(&mut self, file: &Path, path: String, bytes: u64) -> Result<(), String> {
        self.bytes += bytes;
        if self.files.len() >= MAX_FILES || self.bytes > MAX_BYTES {
            return Err("context: has more than 500 files or 4 MiB".to_owned());
        }
        let text = fs::read(file).map_err(|error| format!("context/{path}: {error}"))?;
        let text = String::from_utf8(text).map_err(|_| {
            format!("context/{path}: is no text in UTF-8, which a sample has to be")
        })?;
        self.files.insert(path, text);
        Ok(())
    }
}
