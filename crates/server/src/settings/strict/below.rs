//! What is in lists and tables. An error there is told by the way to it.

use config::{Map, Value, ValueKind};
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess};

use super::{Given, Misfit};

/// A list; an error in it is told by the number of the value.
pub(super) struct List(std::iter::Enumerate<std::vec::IntoIter<Value>>);

impl List {
    pub(super) fn new(list: Vec<Value>) -> Self {
        Self(list.into_iter().enumerate())
    }
}

impl<'de> SeqAccess<'de> for List {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let Some((number, value)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Given(value)).map(Some).map_err(|misfit| misfit.in_list(number))
    }
}

/// A table; an error in it is told by the name of the value.
pub(super) struct Table {
    entries: std::collections::hash_map::IntoIter<String, Value>,
    /// Whose name was taken, and which is next to be.
    current: Option<(String, Value)>,
}

impl Table {
    pub(super) fn new(table: Map<String, Value>) -> Self {
        Self { entries: table.into_iter(), current: None }
    }
}

impl<'de> MapAccess<'de> for Table {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Misfit> {
        let Some((name, value)) = self.entries.next() else { return Ok(None) };
        let key = seed.deserialize(StringDeserializer::new(name.clone()));
        let key = key.map_err(|misfit: Misfit| match variable_below(&name, &value) {
            Some(variable) => misfit.by_variable(variable),
            None => misfit,
        })?;
        self.current = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let Some((name, value)) = self.current.take() else {
            return Err(serde::de::Error::custom("is asked for without its name"));
        };
        seed.deserialize(Given(value)).map_err(|misfit| misfit.in_table(name))
    }
}

/// The names down to a value that a variable gave, in or below this one.
fn variable_below(name: &str, value: &Value) -> Option<Vec<String>> {
    let mut names = match &value.kind {
        _ if value.origin().is_some() => Vec::new(),
        ValueKind::Table(table) => {
            table.iter().find_map(|(name, value)| variable_below(name, value))?
        }
        _ => return None,
    };
    names.insert(0, name.to_owned());
    Some(names)
}
