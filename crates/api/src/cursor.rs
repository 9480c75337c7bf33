//! Places in a list, as opaque text.
//!
//! A cursor is a version, a time in microseconds and an id. Clients give back what they
//! were given; what it means may change with the version.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use slipway_domain::{BuildId, FieldError};
use slipway_store::builds::Position;
use uuid::Uuid;

const VERSION: u8 = 1;

/// A place as text that stands in a URL unescaped.
pub(crate) fn write(position: Position) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(position.created_at.timestamp_micros().to_be_bytes());
    bytes.extend(position.id.as_uuid().as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A place from what [`write()`] wrote.
pub(crate) fn read(text: &str) -> Result<Position, FieldError> {
    parse(text).ok_or_else(|| {
        FieldError::new("cursor", "is not one of ours")
            .hint("give next_cursor of the page before, as it is; leave it out for the first page")
    })
}

fn parse(text: &str) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (version, rest) = bytes.split_first()?;
    let (micros, id) = rest.split_first_chunk::<8>()?;
    (*version == VERSION).then_some(())?;
    Some(Position {
        created_at: DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))?,
        id: BuildId::from_uuid(Uuid::from_slice(id).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_back() {
        let position = Position { created_at: slipway_domain::now(), id: BuildId::generate() };
        let text = write(position);
        assert_eq!(read(&text).unwrap(), position);
        for bad in ["", "x", "AQ", &text[1..], &format!("{text}AA"), "!!!"] {
            assert_eq!(read(bad).unwrap_err().field, "cursor", "{bad}");
        }
    }
}
