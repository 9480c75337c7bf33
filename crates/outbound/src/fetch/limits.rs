//! How long a fetch may take, and how much it may bring.

use std::time::Duration;

/// The limits of one fetch, redirects and all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Resolving, connecting and TLS together, for each connection.
    pub connect: Duration,
    /// Without a byte: before the answer begins, and between two pieces of it.
    pub idle: Duration,
    /// The least bytes per second, on average over [`Limits::pace_over`].
    pub bytes_per_second: u64,
    /// How long a server may be slow. Only the time in which the server is waited for
    /// counts, so that a reader who takes his time does not make it look slow.
    pub pace_over: Duration,
    /// From the start to the last byte, whoever is waited for.
    pub total: Duration,
    /// Bytes of the body.
    pub bytes: u64,
}

impl Limits {
    /// A body of this many bytes at most, within an hour: 10 s to connect, 60 s without a
    /// byte, and 1 KiB/s over each minute.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            bytes_per_second: 1024,
            pace_over: Duration::from_secs(60),
            total: Duration::from_secs(60 * 60),
            bytes,
        }
    }
}
