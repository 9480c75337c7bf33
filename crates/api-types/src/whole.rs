//! Whole numbers within a range, as JSON may have them.
//!
//! Read by hand, because what does not fit is told by the range that counts: the range of
//! the integer that it is kept in would send its sender to a second refusal.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// From `LEAST` to `MOST`, or null.
struct Whole<const LEAST: u32, const MOST: u32> {
    /// Such as `a whole number of seconds`.
    what: &'static str,
}

impl<'de, const LEAST: u32, const MOST: u32> Visitor<'de> for Whole<LEAST, MOST> {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {LEAST} to {MOST}", self.what)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        match u32::try_from(value) {
            Ok(number) if (LEAST..=MOST).contains(&number) => Ok(Some(number)),
            _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Err(E::invalid_value(Unexpected::Signed(value), &self))
    }
}

/// Reads a time limit of 1 to `MOST` seconds, or null.
///
/// # Errors
/// Says which range is allowed.
pub(crate) fn seconds<'de, const MOST: u32, D>(from: D) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_any(Whole::<1, MOST> { what: "a whole number of seconds" })
}

/// Reads a limit of at least 1, or null.
///
/// # Errors
/// Says which range is allowed.
pub(crate) fn limit<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    from.deserialize_any(Whole::<1, { i32::MAX.unsigned_abs() }> { what: "a whole number" })
}

/// Reads a priority; null is the lowest, as if it were left out.
///
/// # Errors
/// Says which range is allowed.
pub(crate) fn priority<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    const MOST: u32 = slipway_domain::MAX_PRIORITY as u32;
    let read = from.deserialize_any(Whole::<0, MOST> { what: "a whole number" })?;
    Ok(read.and_then(|number| u8::try_from(number).ok()).unwrap_or_default())
}
