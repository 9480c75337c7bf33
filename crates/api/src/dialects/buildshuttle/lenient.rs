//! JSON as buildshuttle's clients send it.
//!
//! Node read it for the old service: keys that nobody knows are passed by, and what is null,
//! empty, zero or false counts as absent. The examples in its document end their lists with a
//! comma. Texts are borrowed from the body, because one of them may be a whole archive.

use std::borrow::Cow;

use serde_json_borrow::Value;

use super::envelope::{self, Refusal};
use crate::error::Error;
use crate::json;

/// The body with every comma before a closing bracket taken out. A blank stands in its place,
/// so that an error's line and column are those of the body as it came.
pub(super) fn without_trailing_commas(body: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Cow::Borrowed(body);
    let (mut in_text, mut escaped, mut comma) = (false, false, None);
    for (at, byte) in body.iter().enumerate() {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => (in_text, comma) = (true, None),
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(place) = comma.take().and_then(|at| out.to_mut().get_mut(at)) {
                    *place = b' ';
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => comma = None,
        }
    }
    out
}

/// Reads an object.
pub(super) fn object(body: &[u8]) -> Result<Value<'_>, Refusal> {
    if body.trim_ascii().is_empty() {
        return Err(Error::EmptyBody.into());
    }
    let value: Value<'_> =
        serde_json::from_slice(body).map_err(|error| json::refused(body, &error))?;
    match value {
        Value::Object(_) => Ok(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Str(_) | Value::Array(_) => {
            Err(json::no_object().into())
        }
    }
}

/// What a text or a number says; nothing where there is nothing to say.
pub(super) fn text<'a>(value: &'a Value<'_>) -> Option<Cow<'a, str>> {
    match value {
        Value::Str(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) if number.as_f64() != Some(0.0) => {
            Some(Cow::Owned(number.to_string()))
        }
        Value::Number(_)
        | Value::Str(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Array(_)
        | Value::Object(_) => None,
    }
}

/// Whether there is nothing: null, empty, zero or false.
pub(super) fn is_absent(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Str(_) | Value::Number(_) => text(value).is_none(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(true) => false,
    }
}

/// What a field says, where something else than a text would be passed over to the sender's
/// harm, such as a login or somebody who is to be told, or told of as missing.
pub(super) fn said<'a>(
    object: &'a Value<'_>,
    name: &str,
    shown: &str,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    let value = object.as_object().and_then(|object| object.get(name)).unwrap_or(&Value::Null);
    match text(value) {
        None if !is_absent(value) => Err(envelope::field(shown, "must be a text")),
        text => Ok(text),
    }
}

/// What a field says.
pub(super) fn field<'a>(object: &'a Value<'_>, name: &str) -> Option<Cow<'a, str>> {
    object.as_object()?.get(name).and_then(text)
}

/// One text, or a list of them.
pub(super) fn texts<'a>(value: &'a Value<'_>) -> Vec<Cow<'a, str>> {
    match value {
        Value::Array(list) => list.iter().filter_map(text).collect(),
        Value::Str(_) | Value::Number(_) | Value::Null | Value::Bool(_) | Value::Object(_) => {
            text(value).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_before_an_end_are_passed_by() {
        for (sent, read) in [
            ("{\"a\": 1,}", "{\"a\": 1 }"),
            ("[1, 2, \n\t]", "[1, 2  \n\t]"),
            ("{\"a\": [1,], \"b\": {\"c\": 2,},\n}", "{\"a\": [1 ], \"b\": {\"c\": 2 } \n}"),
            ("{\"a,}\": \",]\\\",}\",}", "{\"a,}\": \",]\\\",}\" }"),
        ] {
            assert_eq!(without_trailing_commas(sent.as_bytes()), read.as_bytes());
            object(format!("{{\"x\": {read}}}").as_bytes()).unwrap();
        }
        let untouched = b"{\"a\": [1, 2], \"b\": \"x,\"}";
        assert!(matches!(without_trailing_commas(untouched), Cow::Borrowed(_)));
        // Two are one too many.
        assert!(object(&without_trailing_commas(b"[1,,]")).is_err());
    }

    #[test]
    fn what_counts_as_absent() {
        let value = object(br#"{"a": null, "b": "", "c": 0, "d": false, "e": " ", "f": {}}"#);
        let value = value.unwrap();
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            assert_eq!(text(value.get(name)), None, "{name}");
            assert!(is_absent(value.get(name)), "{name}");
        }
        let value = object(br#"{"a": "x", "b": 12, "c": ["y", null, "z"], "d": "w"}"#).unwrap();
        assert_eq!(text(value.get("a")).unwrap(), "x");
        assert_eq!(text(value.get("b")).unwrap(), "12");
        assert_eq!(texts(value.get("c")), ["y", "z"]);
        assert_eq!(texts(value.get("d")), ["w"]);
    }
}
