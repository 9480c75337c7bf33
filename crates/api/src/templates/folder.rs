//! Reading templates from a folder of the operator's.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
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
    let part = |name: &str| {
        let file = folder.join(name);
        let about = fs::metadata(&file).map_err(|error| {
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            if is_missing { format!("{name}: is missing") } else { format!("{name}: {error}") }
        })?;
        if about.len() > MAX_BYTES {
            return Err(format!("{name}: has more than 4 MiB"));
        }
        text(&file, &about, name)
    };
    let mut sample = Sample { files: BTreeMap::new(), bytes: 0 };
    let context = folder.join("context");
    if context.exists() {
        sample.add(&context, "")?;
    }
    Ok(Parts {
        manifest: part("template.toml")?,
        dockerfile: part("Dockerfile")?,
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
                self.take(&entry.path(), path, &about)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, file: &Path, path: String, about: &Metadata) -> Result<(), String> {
        self.bytes += about.len();
        if self.files.len() >= MAX_FILES || self.bytes > MAX_BYTES {
            return Err("context: has more than 500 files or 4 MiB".to_owned());
        }
        let text = text(file, about, &format!("context/{path}"))?;
        self.files.insert(path, text);
        Ok(())
    }
}

/// The text of a file that is called `name` to the operator. What is no file is not opened: a
/// pipe would hold up the start of the server until somebody writes into it.
fn text(file: &Path, about: &Metadata, name: &str) -> Result<String, String> {
    if !about.is_file() {
        return Err(format!("{name}: is no file"));
    }
    let bytes = fs::read(file).map_err(|error| format!("{name}: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("{name}: is no text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pipe_is_not_waited_for() {
        for place in ["template.toml", "Dockerfile", "context/notes"] {
            let folder = tempfile::tempdir().unwrap();
            let template = folder.path().join("piped");
            fs::create_dir_all(template.join("context")).unwrap();
            for file in ["template.toml", "Dockerfile"] {
                fs::write(template.join(file), "").unwrap();
            }
            let pipe = template.join(place);
            let _ = fs::remove_file(&pipe);
            assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            let (told, tells) = mpsc::channel();
            thread::spawn(move || told.send(one(&template)));
            let problem = tells.recv_timeout(Duration::from_secs(60)).expect(place).unwrap_err();
            assert_eq!(problem, format!("{place}: is no file"));
        }
    }
}
