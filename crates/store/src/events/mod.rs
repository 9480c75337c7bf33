//! What happened in a build, numbered without gaps.
//!
//! Numbers are given out under the build's row lock: two writers cannot take the same
//! one, and a number is never visible before the one below it.
//!
//! Who reads finds no rows of a build whose log was moved to the blob store, and then looks
//! there: a look at rows that came before the move has them, and one after it finds the frames.

mod append;
mod read;

use chrono::{DateTime, Utc};
use slipway_domain::{Attempt, BuildId, Event, EventBody};
use sqlx::FromRow;

use crate::StoreError;

pub use append::append;
pub(crate) use append::{append_in, are_output, project_and_place};
pub(crate) use read::rows_after;
pub use read::{after, batch_after, none_after};

#[derive(FromRow)]
pub(crate) struct Row {
    pub(crate) seq: i64,
    pub(crate) at: DateTime<Utc>,
    pub(crate) attempt: i32,
    pub(crate) body: String,
}

pub(crate) fn from_row(build: BuildId, row: Row) -> Result<Event, StoreError> {
    let body = serde_json::from_str(&row.body).map_err(|_| {
        StoreError::unreadable("events", "body", format_args!("{build}/{}", row.seq))
    })?;
    Ok(Event { seq: row.seq, at: row.at, attempt: Attempt(row.attempt), body })
}

pub(crate) fn as_text(body: &EventBody) -> String {
    // Strings, numbers and words only: this cannot fail to serialise.
    serde_json::to_string(body).unwrap_or_default()
}
