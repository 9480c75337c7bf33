//! What was seen of a context, so that a missing Dockerfile can be explained.

use slipway_domain::DockerfilePath;

use crate::ContextError;
use crate::entry::Kind;
use crate::links::Leads;
use crate::refuse;
use crate::rules::Rules;

/// Names at the top that an error lists.
const TOP_NAMES: usize = 10;
/// Dockerfiles elsewhere that an error could point to.
const LIKELY_FILES: usize = 3;

pub(crate) struct Contents {
    dockerfile: DockerfilePath,
    /// What the Dockerfile's path turned out to be.
    found: Option<Kind>,
    /// Entries of the top folder, each once.
    top: Vec<Vec<u8>>,
    more_at_top: bool,
    /// Files that are called like a Dockerfile, those nearest to the top first.
    likely: Vec<Vec<u8>>,
    /// The one file that there is, until there are two.
    only_file: Option<Vec<u8>>,
    files: u64,
}

impl Contents {
    pub(crate) const fn new(dockerfile: DockerfilePath) -> Self {
        Self {
            dockerfile,
            found: None,
            top: Vec::new(),
            more_at_top: false,
            likely: Vec::new(),
            only_file: None,
            files: 0,
        }
    }

    /// Where the Dockerfile is looked for.
    pub(crate) const fn dockerfile(&self) -> &DockerfilePath {
        &self.dockerfile
    }

    pub(crate) fn note(&mut self, kind: Kind, path: &[u8]) {
        if path == self.dockerfile.as_str().as_bytes() {
            self.found = Some(kind);
        }
        self.note_top(path);
        if kind != Kind::Folder {
            self.files += 1;
            self.only_file = (self.files == 1).then(|| path.to_vec());
        }
        if kind == Kind::File && is_called_dockerfile(path) {
            self.note_likely(path);
        }
    }

    /// Refuses a context, which is the folder `subdir` of the source, without its Dockerfile.
    pub(crate) fn require_dockerfile(
        &self,
        subdir: &[u8],
        rules: &Rules,
    ) -> Result<(), ContextError> {
        match self.found {
            Some(Kind::File | Kind::HardLink) => return Ok(()),
            Some(Kind::Folder) => return Err(refuse::dockerfile_is_folder(&self.dockerfile)),
            Some(Kind::Symlink) | None => {}
        }
        match rules.leads(self.dockerfile.as_str().as_bytes()) {
            // Whether there is a file at its end the builder finds out: to tell it here, the
            // path of every file would have to be kept.
            Leads::Inside { hops } if hops > 0 => Ok(()),
            Leads::Inside { .. } | Leads::Outside | Leads::Nowhere | Leads::Unknown => {
                if let Some(only) = self.only_file.as_ref().filter(|only| is_called_archive(only)) {
                    return Err(refuse::nested(only));
                }
                Err(refuse::dockerfile_missing(
                    &self.dockerfile,
                    subdir,
                    &self.top,
                    self.more_at_top,
                    &self.likely,
                ))
            }
        }
    }

    fn note_top(&mut self, path: &[u8]) {
        let name = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        if self.more_at_top || name.is_empty() || self.top.iter().any(|seen| seen == name) {
            return;
        }
        if self.top.len() == TOP_NAMES {
            self.more_at_top = true;
        } else {
            self.top.push(name.to_vec());
        }
    }

    fn note_likely(&mut self, path: &[u8]) {
        let depth = |path: &[u8]| path.iter().filter(|byte| **byte == b'/').count();
        let place = self.likely.partition_point(|other| depth(other) <= depth(path));
        self.likely.insert(place, path.to_vec());
        self.likely.truncate(LIKELY_FILES);
    }
}

fn is_called_dockerfile(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_ascii_lowercase();
    if name.ends_with(b".dockerignore") {
        return false;
    }
    [&b"dockerfile"[..], b"containerfile"].into_iter().any(|word| {
        name.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest[0] == b'.')
            || name.strip_suffix(word).is_some_and(|rest| rest.ends_with(b"."))
    })
}

/// By what people call what `archive` reads.
fn is_called_archive(path: &[u8]) -> bool {
    const ENDS: [&str; 12] = [
        ".tar", ".zip", ".tgz", ".tbz2", ".txz", ".tzst", ".gz", ".bz2", ".xz", ".zst", ".7z",
        ".rar",
    ];
    let name = path.to_ascii_lowercase();
    ENDS.iter().any(|end| name.ends_with(end.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_people_call_a_dockerfile() {
        for name in ["Dockerfile", "a/dockerfile", "DOCKERFILE.prod", "x/api.Dockerfile"] {
            assert!(is_called_dockerfile(name.as_bytes()), "{name}");
        }
        for name in ["Dockerfiles", "Dockerfile/x", "my-dockerfile", "Dockerfile.dockerignore"] {
            assert!(!is_called_dockerfile(name.as_bytes()), "{name}");
        }
    }
}
