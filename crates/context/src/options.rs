//! What a caller wants of a context, and what it may be at most.

use std::collections::BTreeSet;

use slipway_domain::DockerfilePath;

/// How much an archive may hold. What is counted is what comes out, never what came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextLimits {
    /// Bytes of the uncompressed archive, headers and padding included.
    pub bytes: u64,
    /// Entries that go on: files, folders and links.
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

    /// What so many packed bytes can honestly stand for.
    pub(crate) const fn honest(&self, packed: u64) -> u64 {
        packed.saturating_mul(self.ratio).saturating_add(Self::RATIO_FREE_BYTES)
    }
}

impl Default for ContextLimits {
    /// 10 GiB, 200,000 entries, 200 to 1. Text and logs stay below 30 to 1, deflate itself
    /// ends at 1032 to 1.
    fn default() -> Self {
        Self { bytes: 10 << 30, entries: 200_000, ratio: 200 }
    }
}

/// How a tree becomes a context.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContextOptions {
    /// What it may be at most.
    pub limits: ContextLimits,
    /// The Dockerfile, from the top of the context.
    pub dockerfile: DockerfilePath,
    /// The folder of the tree that is the context; all of it where none is named.
    pub subdir: Option<String>,
    /// Whether the archive's own top folder is the top of the tree. Of archives alone: who
    /// writes a tree knows where it begins.
    pub strip: Strip,
    /// Leave out what the tree's own `.dockerignore` says.
    pub ignore: bool,
    /// Arguments that every stage is to know, by names as [`arg_name`](slipway_domain::arg_name) makes
    /// them: the Dockerfile goes on with an `ARG` line for each after each `FROM`.
    pub declare: BTreeSet<String>,
}

impl ContextOptions {
    /// The files that can say what to leave out, from the top of the tree, of which the
    /// first that is there counts.
    #[must_use]
    pub fn ignore_files(&self) -> [String; 2] {
        let subdir = self.subdir.as_deref().map_or("", |subdir| subdir.trim_end_matches('/'));
        let below = if subdir.is_empty() { String::new() } else { format!("{subdir}/") };
        [format!("{below}{}.dockerignore", self.dockerfile), format!("{below}.dockerignore")]
    }
}

/// What to do about the folder around everything that archives of repositories and releases
/// have (`project-1.2/…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strip {
    /// The top of the archive is the top of the tree.
    #[default]
    Nothing,
    /// Where everything is in one folder, and the Dockerfile is only there when looked for
    /// from inside it, that folder is the top of the tree.
    SingleTopFolder,
}
