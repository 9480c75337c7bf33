//! From rows to a blob.

use chrono::{DateTime, Utc};
use slipway_domain::BuildId;

use super::frame::{self, Frame};
use super::hold::Hold;
use super::line;
use crate::blobs::BlobWriter;
use crate::{Store, StoreError, events};

/// Events of a frame, and the bytes of their bodies: whoever wants one of them reads all of
/// these, and whoever moves a log holds no more of it.
const EVENTS: u16 = 512;
const BYTES: u32 = 256 * 1024;

/// A log whose blob is whole, and whose rows are still there.
#[derive(Debug)]
pub struct Written {
    hold: Hold,
    pub(super) frames: Vec<Frame>,
}

impl Written {
    pub(super) const fn build(&self) -> BuildId {
        self.hold.build
    }

    pub(super) const fn held_until(&self) -> DateTime<Utc> {
        self.hold.until
    }
}

/// Writes the events of a build to its blob, in the place of what was left there. Changes no
/// row.
///
/// # Errors
/// When the database or the blob store does not answer, or a row cannot be read.
pub async fn write(store: &Store, hold: Hold) -> Result<Written, StoreError> {
    let mut blob = store.archive()?.blobs.create_log(hold.build);
    match pour(store, hold, &mut blob).await {
        Ok(frames) => {
            blob.finish().await?;
            Ok(Written { hold, frames })
        }
        Err(error) => {
            blob.abort().await;
            Err(error)
        }
    }
}

async fn pour(store: &Store, hold: Hold, blob: &mut BlobWriter) -> Result<Vec<Frame>, StoreError> {
    let build = hold.build;
    let wrong = |seq, column, problem: &str| StoreError::Corrupt {
        table: "events",
        column,
        row: format!("{build}/{seq}"),
        problem: problem.to_owned(),
    };
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let (after, start) =
            frames.last().map_or((0, 0), |last| (last.last_seq, last.start + last.bytes));
        let rows = events::rows_after(store, build, after, EVENTS, BYTES).await?;
        let Some(last_seq) = rows.last().map(|row| row.seq) else {
            // All of it, or another has moved it meanwhile: its blob must stay as it is.
            let whole = after > 0 && after == hold.last_seq;
            return if whole { Ok(frames) } else { Err(wrong(after + 1, "seq", "is missing")) };
        };
        let (mut text, mut has_state) = (String::new(), false);
        for (row, seq) in rows.iter().zip(after + 1..) {
            if row.seq != seq {
                return Err(wrong(seq, "seq", "is missing"));
            }
            line::add(row, &mut text).map_err(|problem| wrong(seq, "body", problem))?;
            has_state |= line::is_state(row);
        }
        // A millisecond or so.
        let packed = frame::pack(&text).map_err(|error| StoreError::Unavailable(error.into()))?;
        blob.write(&packed).await?;
        frames.push(Frame {
            first_seq: after + 1,
            last_seq,
            start,
            bytes: length(packed.len()),
            plain_bytes: length(text.len()),
            has_state,
        });
    }
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
