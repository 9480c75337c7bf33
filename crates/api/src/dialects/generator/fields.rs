//! The parameters of a request, wherever they stand.
//!
//! Go read them for the old service: the first of two equal ones counts, unknown ones are
//! passed by, and one that is empty is as good as absent.

use std::fmt;

use actix_web::web;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use slipway_domain::FieldError;

use super::field;
use crate::error::Error;
use crate::json;

/// Name and value of each, in order.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Those of a query.
    pub(super) fn of_query(query: &str) -> Self {
        Self(pairs(query))
    }

    /// Those of a body: JSON where it begins as an object does, else a form.
    ///
    /// # Errors
    /// When what begins as JSON is none, or a value is none of a parameter.
    pub(super) fn of_body(body: &[u8]) -> Result<Self, Error> {
        if body.trim_ascii_start().starts_with(b"{") {
            let Object(members) = json::parse(body)?;
            let given = members.into_iter().filter_map(|(name, value)| {
                text(&name, value).map(|text| Some((name, text?))).transpose()
            });
            return Ok(Self(given.collect::<Result<_, FieldError>>()?));
        }
        match std::str::from_utf8(body) {
            Ok(form) => Ok(Self(pairs(form.trim()))),
            Err(_) => Err(Error::Malformed {
                form: "form or JSON object",
                problem: "it is no text in UTF-8".into(),
            }),
        }
    }

    /// These, and after them the others.
    pub(super) fn over(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut given = self.0.iter().filter(|(_, value)| !value.is_empty());
        given.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that says yes or no, in any spelling of Go's (`strconv.ParseBool`).
    ///
    /// # Errors
    /// When it says neither.
    pub(super) fn flag(&self, name: &str) -> Result<bool, FieldError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("0" | "f" | "false") => Ok(false),
            Some("1" | "t" | "true") => Ok(true),
            Some(_) => Err(field(name, "must be true or false")),
        }
    }

    /// A parameter that is a whole number; 0 counts as absent, as engines take it.
    ///
    /// # Errors
    /// When it is none, or negative.
    pub(super) fn number<N: std::str::FromStr + Default + PartialEq>(
        &self,
        name: &str,
    ) -> Result<Option<N>, FieldError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let number: N = text.trim().parse().map_err(|_| {
            field(name, "must be a whole number that is not negative, and not too large")
        })?;
        Ok((number != N::default()).then_some(number))
    }
}

/// The members of a JSON object, in order. Of two of one name, nobody could say which was meant:
/// the old service's clients sent none of these.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members: Vec<(String, Value)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }

        from.deserialize_map(Members)
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    // What cannot be decoded is replaced: this does not fail.
    web::Query::<Vec<(String, String)>>::from_query(text)
        .map(web::Query::into_inner)
        .unwrap_or_default()
}

fn text(name: &str, value: Value) -> Result<Option<String>, FieldError> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(yes) => Ok(Some(yes.to_string())),
        Value::Number(number) => Ok(Some(number.to_string())),
        Value::String(text) => Ok(Some(text)),
        Value::Array(_) | Value::Object(_) => {
            Err(field(name, "must be a text, a number, or true or false"))
        }
    }
}
