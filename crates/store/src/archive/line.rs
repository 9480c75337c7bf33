//! An event as a line of a moved log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::events::Row;

/// The columns of a row. The body is as it was there, to the byte: what a later release has
/// written into it is not lost by a move.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    seq: i64,
    at: DateTime<Utc>,
    attempt: i32,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// Adds a row to a text as a line of it.
pub(super) fn add(row: &Row, text: &mut String) -> Result<(), &'static str> {
    if row.body.contains('\n') {
        return Err("is more than a line");
    }
    let body: &RawValue = serde_json::from_str(&row.body).map_err(|_| "is no JSON")?;
    let line = Line { seq: row.seq, at: row.at, attempt: row.attempt, body };
    text.push_str(&serde_json::to_string(&line).map_err(|_| "has no form in JSON")?);
    text.push('\n');
    Ok(())
}

/// The row that a line was.
pub(super) fn read(line: &str) -> Result<Row, &'static str> {
    let Line { seq, at, attempt, body } =
        serde_json::from_str(line).map_err(|_| "has a line that is no event")?;
    Ok(Row { seq, at, attempt, body: body.get().to_owned() })
}

/// Whether a row is a change of state, by the condition of the index on events.
pub(super) fn is_state(row: &Row) -> bool {
    row.body.starts_with(r#"{"kind":"state""#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back_to_the_byte() {
        let at = DateTime::from_timestamp(1_790_000_000, 123_456_000).unwrap_or_default();
        for body in [
            r#"{"kind":"state","status":"queued"}"#,
            r#"{"kind":"log", "later": 1.50, "text":"nul \u0000, crab 🦀, \u2028 \n"}"#,
        ] {
            let row = Row { seq: 7, at, attempt: 3, body: body.to_owned() };
            let mut text = String::new();
            add(&row, &mut text).unwrap();
            let back = read(text.trim_end_matches('\n')).unwrap();
            assert_eq!((back.seq, back.at, back.attempt, back.body), (7, at, 3, body.to_owned()));
            assert_eq!(text.lines().count(), 1);
            assert_eq!(is_state(&row), body.contains("state"));
        }
        for body in ["{\n}", "nonsense", ""] {
            let row = Row { seq: 7, at, attempt: 3, body: body.to_owned() };
            assert!(add(&row, &mut String::new()).is_err());
        }
    }
}
