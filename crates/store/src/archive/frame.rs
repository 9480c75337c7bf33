//! A piece of a moved log that can be read without the others.

use std::io;
use std::ops::Range;

use slipway_domain::BuildId;
use sqlx::FromRow;

use crate::StoreError;

/// What a log compresses to hardly changes with higher levels, and the time does.
const LEVEL: i32 = 3;
/// Far more than any frame comes to. A row that says more is not believed.
const LARGEST: usize = 256 << 20;

/// Which events a frame has, and where it is.
#[derive(Debug, Clone, FromRow)]
pub(super) struct Frame {
    pub(super) first_seq: i64,
    pub(super) last_seq: i64,
    pub(super) start: i64,
    pub(super) bytes: i64,
    pub(super) plain_bytes: i64,
    pub(super) has_state: bool,
}

/// Compresses lines, with a checksum: a blob that was damaged is no log.
pub(super) fn pack(lines: &str) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(lines.as_bytes())
}

impl Frame {
    /// Where it is in the blob.
    pub(super) fn range(&self) -> Range<u64> {
        let place = |at: i64| u64::try_from(at).unwrap_or(0);
        place(self.start)..place(self.start.saturating_add(self.bytes))
    }

    /// The lines.
    pub(super) fn unpack(&self, build: BuildId, bytes: &[u8]) -> Result<String, StoreError> {
        let size = usize::try_from(self.plain_bytes).ok().filter(|size| *size <= LARGEST);
        let size = size.ok_or_else(|| StoreError::Corrupt {
            table: "log_frames",
            column: "plain_bytes",
            row: format!("{build}/{}", self.last_seq),
            problem: "is no size that a frame has".into(),
        })?;
        if usize::try_from(self.bytes) != Ok(bytes.len()) {
            return Err(self.damaged(build, "is cut off"));
        }
        let plain = zstd::bulk::decompress(bytes, size)
            .map_err(|_| self.damaged(build, "is no whole frame of zstd"))?;
        if plain.len() != size {
            return Err(self.damaged(build, "comes to less than was written"));
        }
        String::from_utf8(plain).map_err(|_| self.damaged(build, "is no text"))
    }

    /// Says that the bytes are not what was written.
    pub(super) fn damaged(&self, build: BuildId, problem: &str) -> StoreError {
        let Self { first_seq, last_seq, .. } = self;
        let problem = format!("the frame with events {first_seq} to {last_seq} {problem}");
        StoreError::LogDamaged { build, problem }
    }
}
