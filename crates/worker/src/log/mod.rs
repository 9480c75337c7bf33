//! From an engine's bytes to rows of the event log.
//!
//! Bytes come in chunks of any size; they become whole lines ([`lines`]), lose what must
//! not be seen ([`mask`]), and are written in batches ([`batch`]). Nothing is dropped:
//! when the database is slow, the reading of the engine's output slows down with it.

mod batch;
mod clean;
mod lines;
mod mask;
mod size;
mod writer;

pub(crate) use mask::Mask;
pub(crate) use size::size;
pub(crate) use writer::{LogClosed, LogWriter};
