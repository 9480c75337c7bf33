//! The build context: whatever the source, one clean tar stream for the builder.
//!
//! An archive that a user sent is read here and nowhere else. The builder unpacks what it
//! is given with the rights of the Docker host, so nothing passes that was not understood:
//! every entry is read, judged by the rules in [`guard`](copy_guarded), and written anew
//! with a header of our own. A trick that two readers of tar understand differently does
//! not survive that, because the builder never sees the sender's bytes of a header.
//!
//! Nothing is unpacked to disk and memory stays flat whatever the size: it depends on the
//! number of entries, which has a limit, and on what a decompressor has to remember, which
//! has one too. An archive that is refused never gets its end mark, and the stream ends in an
//! error: the builder cannot take half a context for a whole one.
//!
//! An archive goes through [`copy_guarded`]; one that comes as a stream is put into a
//! [`Spool`] before, and sent by [`open_early`] while it still comes. A tree that is no archive
//! is written with [`ContextWriter`]. On a runtime, [`stream_guarded`] and [`stream_tree`] do
//! either on a thread of its own.

mod archive;
mod arriving;
mod backlog;
mod contents;
mod dockerfile;
mod early;
mod entry;
mod files;
mod guard;
mod ignore;
mod links;
mod looks_like;
mod options;
mod output;
mod path;
mod places;
mod refuse;
mod rules;
mod scope;
mod show;
mod spool;
mod stream;
mod survey;
mod writer;

pub use arriving::Arriving;
pub use dockerfile::declare_args;
pub use early::{EarlyContext, EarlyError, open_early};
pub use files::context_of_files;
pub use guard::copy_guarded;
pub use ignore::Ignore;
pub use options::{ContextLimits, ContextOptions, Strip};
pub use spool::{Spool, SpoolError, Spooled};
pub use stream::{ContextSink, ContextStream, OpenContext, stream_guarded, stream_tree};
pub use writer::ContextWriter;

use slipway_domain::Failure;
use thiserror::Error;

/// What passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContextSummary {
    /// Entries: files, folders and links.
    pub entries: u64,
    /// Bytes of the clean tar.
    pub bytes: u64,
    /// Bytes of the archive as it was stored; those of the clean tar where there was none.
    pub archive_bytes: u64,
}

/// Why a context did not pass whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContextError {
    /// The archive was refused, or could not be read.
    #[error("{0}")]
    Refused(Failure),
    /// Whoever was to take the context stopped taking it. What the builder says about that
    /// is the reason to show; this is not.
    #[error("the builder stopped reading the build context")]
    ReceiverGone,
}

impl From<Failure> for ContextError {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}
