//! Which part of a tree is the context.

use crate::ignore::Ignore;
use crate::path::normalise;
use crate::{ContextError, ContextOptions, refuse};

/// The folder that the context is, and what is left out of it.
pub(crate) struct Scope {
    /// Normalised; empty for the whole tree.
    subdir: Vec<u8>,
    /// The same from the top of the archive.
    root: Vec<u8>,
    ignore: Ignore,
    /// Sent whatever the rules say, as docker does: the builder reads them.
    kept: [Vec<u8>; 3],
}

/// Where a path of the tree stands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing<'a> {
    /// At this path of the context.
    At(&'a [u8]),
    /// It is the context's own folder.
    Top,
    /// Not below the folder that the context is.
    Elsewhere,
    /// Left out by a rule.
    Ignored,
}

impl Scope {
    /// `top` is the folder of the archive that the tree begins with, normalised.
    pub(crate) fn new(
        options: &ContextOptions,
        top: &[u8],
        ignore: Ignore,
    ) -> Result<Self, ContextError> {
        let subdir = options.subdir.as_deref().unwrap_or_default().as_bytes();
        let subdir = normalise(subdir).map_err(|fault| refuse::subdir(subdir, fault))?;
        let dockerfile = options.dockerfile.as_str();
        Ok(Self {
            root: join(top, &subdir),
            subdir,
            ignore,
            kept: [
                dockerfile.into(),
                format!("{dockerfile}.dockerignore").into(),
                b".dockerignore".into(),
            ],
        })
    }

    /// The folder of the tree that the context is; empty for all of it.
    pub(crate) fn subdir(&self) -> &[u8] {
        &self.subdir
    }

    /// Where a normalised path stands.
    pub(crate) fn place<'a>(&mut self, path: &'a [u8]) -> Standing<'a> {
        let inner = match below(path, &self.root) {
            Some(b"") => return Standing::Top,
            Some(inner) => inner,
            None => return Standing::Elsewhere,
        };
        let ignored = !self.ignore.is_empty()
            && !self.kept.iter().any(|kept| kept == inner)
            && self.ignore.leaves_out(inner);
        if ignored { Standing::Ignored } else { Standing::At(inner) }
    }
}

/// The rest of a normalised path below a folder, empty for the folder itself.
pub(crate) fn below<'a>(path: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    if folder.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(folder)? {
        [] => Some(&[]),
        [b'/', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// The path of something in a folder, either of which may be the empty path.
pub(crate) fn join(folder: &[u8], path: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if folder.is_empty() || path.is_empty() { b"" } else { b"/" };
    [folder, slash, path].concat()
}
