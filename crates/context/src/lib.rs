//! The build context: whatever the source, one clean tar stream for the builder.
//!
//! An archive that a user sent is read here and nowhere else. The builder unpacks what it
//! is given with the rights of the Docker host, so nothing passes that was not understood:
//! every entry is read, judged by the rules in [`guard`](copy_guarded), and written anew
//! with a header of our own. A trick that two readers of tar understand differently does
//! not survive that, because the builder never sees the sender's bytes of a header.
//!
//! Nothing is unpacked on the worker and memory stays flat whatever the size: it depends on
//! the number of entries alone, which has a limit. An archive
//! that is refused never gets its end mark, and the stream ends in an error: the builder
//! cannot take half a context for a whole one.

mod contents;
mod dockerfile;
mod entry;
mod guard;
mod input;
mod links;
mod output;
mod path;
mod pax;
mod places;
mod refuse;
mod show;
mod stream;

pub use dockerfile::dockerfile_alone;
pub use guard::copy_guarded;
pub use stream::{ContextStream, OpenContext, stream_guarded};

use slipway_domain::Failure;
use thiserror::Error;

/// How much an archive may hold. What is counted is what comes out, never what came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextLimits {
    /// Bytes of the uncompressed archive, headers and padding included.
    pub bytes: u64,
    /// Entries: files, folders and links.
    pub entries: u64,
    /// Uncompressed bytes for each compressed byte, once the archive is larger than
    /// [`Self::RATIO_FREE_BYTES`].
    pub ratio: u64,
}

impl ContextLimits {
    /// Bytes that may come out before the ratio counts. A disk image of some hundred
    /// megabytes of zeros in an otherwise ordinary context compresses 1000 to 1 and is
    /// honest; half a gigabyte is also the most that a bomb gets out of us.
    pub const RATIO_FREE_BYTES: u64 = 512 << 20;
}

impl Default for ContextLimits {
    /// 10 GiB, 200,000 entries, 200 to 1. Text and logs stay below 30 to 1, deflate itself
    /// ends at 1032 to 1.
    fn default() -> Self {
        Self { bytes: 10 << 30, entries: 200_000, ratio: 200 }
    }
}

/// What passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContextSummary {
    /// Entries: files, folders and links.
    pub entries: u64,
    /// Bytes of the uncompressed archive.
    pub bytes: u64,
    /// Bytes of the archive as it was stored.
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
