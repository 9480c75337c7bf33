//! From the objects of the repositories to the entries of a context.

use std::io::{Read as _, Write};

use slipway_context::{ContextError, ContextWriter};
use slipway_domain::{Failure, Reason};

use crate::blobs::{AHEAD, Blobs};
use crate::environment::Environment;
use crate::obtain::Obtained;
use crate::submodules::Submodules;
use crate::tree::{Entry, Kind, Tree};

/// Bytes of a symlink's target at most, as on Linux.
const MOST_TARGET: u64 = 4096;
/// The modes that git knows, with nobody's umask.
const FILE: u32 = 0o644;
const EXECUTABLE: u32 = 0o755;

/// Everything that was fetched.
pub(crate) struct Forest {
    pub(crate) environment: Environment,
    pub(crate) top: Obtained,
    pub(crate) submodules: Submodules,
}

impl Forest {
    /// Writes all trees, each at its place. What the context does not want is not read.
    pub(crate) fn write<W: Write>(
        &self,
        context: &mut ContextWriter<W>,
    ) -> Result<(), ContextError> {
        // Files of a commit have no times. With that of the commit, two builds of one commit get
        // the same files; without any, some tools stumble over the year 1970.
        context.set_time(self.top.commit.time);
        self.write_below(&[], &self.top, context)
    }

    /// Submodules are as deep as they were fetched, which has a limit.
    fn write_below<W: Write>(
        &self,
        above: &[u8],
        of: &Obtained,
        context: &mut ContextWriter<W>,
    ) -> Result<(), ContextError> {
        let mut tree = Tree::of(&self.environment, &of.repository, &of.commit.id)?;
        let mut blobs = Blobs::of(&self.environment, &of.repository)?;
        let mut batch = Vec::with_capacity(AHEAD);
        while let Some(mut entry) = tree.next()? {
            if !above.is_empty() {
                entry.path = [above, b"/", &entry.path].concat();
            }
            if entry.kind == Kind::Submodule {
                match self.submodules.get(&entry.path) {
                    Some(submodule) => self.write_below(&entry.path, submodule, context)?,
                    // As git leaves one that was not asked for.
                    None => context.folder(&entry.path, EXECUTABLE)?,
                }
            } else if context.wants(&entry.path)? {
                batch.push(entry);
            }
            if batch.len() == AHEAD {
                write_batch(&mut batch, &mut blobs, context)?;
            }
        }
        write_batch(&mut batch, &mut blobs, context)
    }
}

/// Asks for all files of a batch and writes them. It is empty then.
fn write_batch<W: Write>(
    batch: &mut Vec<Entry>,
    blobs: &mut Blobs,
    context: &mut ContextWriter<W>,
) -> Result<(), ContextError> {
    blobs.ask(batch.iter().map(|entry| entry.id.as_str()))?;
    for entry in batch.drain(..) {
        let size = blobs.next_size()?;
        let mut data = blobs.bytes(size);
        match entry.kind {
            Kind::File { executable } => {
                let mode = if executable { EXECUTABLE } else { FILE };
                context.file(&entry.path, mode, size, &mut data)?;
            }
            Kind::Symlink if size > MOST_TARGET => return Err(long_target(&entry.path).into()),
            Kind::Symlink => {
                let mut target = Vec::new();
                data.read_to_end(&mut target).map_err(|error| {
                    crate::failure::internal("git does not give away links", &error)
                })?;
                context.symlink(&entry.path, &target)?;
            }
            // It has no bytes, and is none of a batch.
            Kind::Submodule => {}
        }
        let left = data.limit();
        blobs.end(left)?;
    }
    Ok(())
}

fn long_target(path: &[u8]) -> Failure {
    let path: String =
        String::from_utf8_lossy(path).chars().filter(|c| !c.is_control()).take(200).collect();
    Failure::new(Reason::ContextUnsafe, format!("the symlink {path} has a target that is too long"))
}
