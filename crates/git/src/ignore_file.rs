//! The tree's own `.dockerignore`.

use std::io::Read as _;

use slipway_context::{ContextError, ContextOptions, Ignore};

use crate::blobs::Blobs;
use crate::obtain::Obtained;
use crate::tree::{self, Kind};
use crate::walk::Forest;

/// Reads what leaves out files of the context, if that is wanted and there is something. It
/// has to be known before the first file goes on. Blocks.
pub(crate) fn read(forest: &Forest, options: &ContextOptions) -> Result<Ignore, ContextError> {
    if !options.ignore {
        return Ok(Ignore::nothing());
    }
    for name in options.ignore_files() {
        let (of, path) = place(forest, &name);
        let entry = tree::entry(&forest.environment, &of.repository, &of.commit.id, path)?;
        let Some(entry) = entry.filter(|entry| entry.kind != Kind::Submodule) else { continue };
        let mut blobs = Blobs::of(&forest.environment, &of.repository)?;
        blobs.ask([entry.id.as_str()].into_iter())?;
        // One byte more than may be says that it is too many.
        let size = blobs.next_size()?.min(Ignore::MOST_BYTES + 1);
        let mut text = Vec::new();
        let read = blobs.bytes(size).read_to_end(&mut text);
        read.map_err(|error| crate::failure::internal("git does not give away files", &error))?;
        return match entry.kind {
            // Its text is where it leads.
            Kind::Symlink => Err(Ignore::linked(&name, &text)),
            Kind::File { .. } | Kind::Submodule => Ignore::parse(&text, &name),
        };
    }
    Ok(Ignore::nothing())
}

/// The repository that a path is in, and the path within that: the context may be a folder
/// of a submodule.
fn place<'a>(forest: &'a Forest, path: &'a str) -> (&'a Obtained, &'a str) {
    forest
        .submodules
        .iter()
        .filter_map(|(above, of)| {
            let above = std::str::from_utf8(above).ok()?;
            Some((of, path.strip_prefix(above)?.strip_prefix('/')?))
        })
        .min_by_key(|(_, rest)| rest.len())
        .unwrap_or((&forest.top, path))
}
