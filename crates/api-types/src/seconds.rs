//! A time limit as JSON may have it.
//!
//! Read by hand, because what does not fit is told by the range that counts: the range of
//! the integer that it is kept in would send its sender to a second refusal.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};
/// From 1 to `MOST` seconds.
struct Seconds<const MOST: u32>;

impl<'de, const MOST: u32> Visitor<'de> for Seconds<MOST> {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number of seconds from 1 to {MOST}")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        match u32::try_from(value) {
            Ok(seconds) if (1..=MOST).contains(&seconds) => Ok(Some(seconds)),
            _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Err(E::invalid_value(Unexpected::Signed(value), &self))
    }
}

/// Reads a limit of at most `MOST` seconds, or null.
///
/// # Errors
/// Says which range is allowed.
pub(crate) fn up_to<'de, const MOST: u32, D>(from: D) -> Result<Option<u32>, D::Error>
where
    D: Deserializer<'de>,
{
    from.deserialize_any(Seconds::<MOST>)
}
