//! Objects whose names their senders choose, each name once.
//!
//! JSON leaves open what a name means that is there twice, and the library takes the last: of two
//! secrets of one name, one would be used, and nobody would know which.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Values by name.
pub(crate) struct Once<V>(pub(crate) BTreeMap<String, V>);

struct Names<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Once<V> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(Names(PhantomData))
    }
}

impl<'de, V: Deserialize<'de>> Visitor<'de> for Names<V> {
    type Value = Once<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Once<V>, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, V>()? {
            if values.contains_key(&name) {
                // As the library says it of the fields of a struct.
                return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
            }
            values.insert(name, value);
        }
        Ok(Once(values))
    }
}

/// Reads values by name.
///
/// # Errors
/// Names the first name that is there twice.
pub(crate) fn map<'de, D, V>(from: D) -> Result<BTreeMap<String, V>, D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
{
    Once::deserialize(from).map(|Once(values)| values)
}
