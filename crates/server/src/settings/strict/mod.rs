//! Takes what was given for what it is.
//!
//! The library's own reader makes `true` a 1, cuts fractions off and takes any number for true.
//! Here a value of the file is of one kind and fits a setting of that kind. A variable holds a
//! text: what is wanted says how it is read.

#![expect(clippy::wildcard_enum_match_arm, reason = "what is none of the kinds wanted is refused")]

mod below;
mod misfit;
mod place;

use config::{Config, Value, ValueKind};
use serde::de::value::StringDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use self::below::{List, Table};
use self::misfit::{Found, Wanted};

pub(super) use self::misfit::Misfit;

/// What was given as settings.
///
/// # Errors
/// Names the setting that does not fit, and what is wanted.
pub(super) fn settings<T: DeserializeOwned>(given: Config) -> Result<T, Misfit> {
    T::deserialize(Given(given.cache))
}

/// A value on its way into a setting.
struct Given(Value);

impl Given {
    /// Only values of variables have an origin.
    fn is_of_variable(&self) -> bool {
        self.0.origin().is_some()
    }

    fn refuse(&self, wanted: Wanted) -> Misfit {
        Misfit::unfit(wanted, self.found(), self.is_of_variable())
    }

    fn found(&self) -> Found {
        match &self.0.kind {
            ValueKind::Nil => Found::Nothing,
            ValueKind::Boolean(flag) => Found::Flag(*flag),
            ValueKind::I64(number) => Found::Number((*number).to_string()),
            ValueKind::I128(number) => Found::Number(number.to_string()),
            ValueKind::U64(number) => Found::Number(number.to_string()),
            ValueKind::U128(number) => Found::Number(number.to_string()),
            ValueKind::Float(number) => Found::Number(format!("{number:?}")),
            ValueKind::String(text) if text.is_empty() => Found::Nothing,
            ValueKind::String(_) => Found::Text,
            ValueKind::Array(_) => Found::List,
            ValueKind::Table(_) => Found::Table,
        }
    }

    /// The text of a variable.
    fn variable(&self) -> Option<&str> {
        match &self.0.kind {
            ValueKind::String(text) if self.is_of_variable() => Some(text),
            _ => None,
        }
    }

    /// Those of the file are of one width, see [`layers`](super::layers).
    fn whole(&self) -> Result<i128, Misfit> {
        let number = match self.0.kind {
            ValueKind::I128(number) => Some(number),
            _ => self.variable().and_then(|text| text.parse().ok()),
        };
        number.ok_or_else(|| self.refuse(Wanted::Whole))
    }
}

/// A whole number of each width that a setting may have.
macro_rules! whole_numbers {
    ($($method:ident $visit:ident $number:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            let number = self.whole()?;
            match <$number>::try_from(number) {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(self.refuse(Wanted::Within {
                    number,
                    least: <$number>::MIN.into(),
                    most: <$number>::MAX.into(),
                })),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Given {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.kind {
            ValueKind::Nil => visitor.visit_unit(),
            ValueKind::Boolean(flag) => visitor.visit_bool(flag),
            ValueKind::I64(number) => visitor.visit_i64(number),
            ValueKind::I128(number) => visitor.visit_i128(number),
            ValueKind::U64(number) => visitor.visit_u64(number),
            ValueKind::U128(number) => visitor.visit_u128(number),
            ValueKind::Float(number) => visitor.visit_f64(number),
            ValueKind::String(text) => visitor.visit_string(text),
            ValueKind::Array(list) => visitor.visit_seq(List::new(list)),
            ValueKind::Table(table) => visitor.visit_map(Table::new(table)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let flag = match self.0.kind {
            ValueKind::Boolean(flag) => Some(flag),
            _ => self.variable().and_then(|text| text.parse().ok()),
        };
        visitor.visit_bool(flag.ok_or_else(|| self.refuse(Wanted::Flag))?)
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.found() {
            Found::Text => self.deserialize_any(visitor),
            // An empty text is one.
            Found::Nothing if matches!(self.0.kind, ValueKind::String(_)) => {
                self.deserialize_any(visitor)
            }
            Found::Nothing | Found::Flag(_) | Found::Number(_) | Found::List | Found::Table => {
                Err(self.refuse(Wanted::Text))
            }
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.kind {
            ValueKind::Array(list) => visitor.visit_seq(List::new(list)),
            _ => Err(self.refuse(Wanted::List)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0.kind {
            ValueKind::Table(table) => visitor.visit_map(Table::new(table)),
            _ => Err(self.refuse(Wanted::Table)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0.kind {
            ValueKind::Table(table) => visitor.visit_map(Table::new(table)),
            _ => Err(self.refuse(Wanted::Section)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match &self.0.kind {
            ValueKind::String(word) if words.contains(&word.as_str()) => {
                visitor.visit_enum(StringDeserializer::new(word.clone()))
            }
            _ => Err(self.refuse(Wanted::OneOf(words))),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests;
