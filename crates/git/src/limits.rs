//! How long a fetch may take, and how much it may bring.

use std::time::Duration;

/// The limits of one fetch, submodules and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the start until all objects are there.
    pub total: Duration,
    /// Without news: neither a word of git nor a byte that reached the disk.
    pub idle: Duration,
    /// Bytes on the disk, which are compressed for the most part. They are counted several
    /// times a second, so that a fast server may be over by what it sends in between.
    pub bytes: u64,
    /// Submodules, those of submodules included.
    pub submodules: usize,
}

impl Limits {
    /// How deep submodules may have submodules of their own.
    pub const MOST_DEPTH: usize = 8;
}

impl Default for Limits {
    /// An hour, a minute without news, 10 GiB, 100 submodules.
    fn default() -> Self {
        Self {
            total: Duration::from_secs(60 * 60),
            idle: Duration::from_secs(60),
            bytes: 10 << 30,
            submodules: 100,
        }
    }
}
