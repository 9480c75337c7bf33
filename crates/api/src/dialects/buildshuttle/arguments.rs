//! Build arguments, as an object or as lines of a Dockerfile.

use std::collections::BTreeMap;

use serde_json_borrow::Value;
use slipway_domain::arg_name;

use super::envelope::{Refusal, field};

/// An object of texts. Numbers and truth values are taken as they are written, null is left
/// out. Names are reduced to what `ARG` takes.
pub(super) fn of_object(
    name: &str,
    value: &Value<'_>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let object = match value {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Str(text) if text.trim().is_empty() => return Ok(BTreeMap::new()),
        Value::Object(object) => object,
        Value::Bool(_) | Value::Number(_) | Value::Str(_) | Value::Array(_) => {
            return Err(field(name, "must be an object of texts"));
        }
    };
    let mut args = BTreeMap::new();
    for (place, (key, value)) in object.iter().enumerate() {
        let value = match value {
            Value::Null => continue,
            Value::Str(text) => text.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Array(_) | Value::Object(_) => {
                // By its place: a name may be a secret in the wrong place as well as a value.
                let (place, all) = (place + 1, object.len());
                let message =
                    format!("value {place} of {all} must be a text, a number, true or false");
                return Err(field(name, &message));
            }
        };
        if let Some(key) = arg_name(key) {
            args.insert(key, value);
        }
    }
    Ok(args)
}

/// Lines such as `ARG NAME="value"`, in which a quote is written `\"`.
pub(super) fn of_lines(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| {
        let (name, value) = line.trim().strip_prefix("ARG ")?.split_once('=')?;
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        Some((arg_name(name)?, value.replace("\\\"", "\"")))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::buildshuttle::lenient;

    #[test]
    fn an_object_of_texts() {
        let body = br#"{"args": {"A.b": "two\nlines", "C": 5, "D": true, "E": null, "=": "x"}}"#;
        let value = lenient::object(body).unwrap();
        let args = of_object("args", value.get("args")).unwrap();
        let args: Vec<_> = args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(args, [("Ab", "two\nlines"), ("C", "5"), ("D", "true")]);
        for bad in [&br#"{"args": [1]}"#[..], br#"{"args": {"A": {}}}"#, br#"{"args": "x"}"#] {
            let value = lenient::object(bad).unwrap();
            assert!(of_object("args", value.get("args")).is_err());
        }
    }

    #[test]
    fn lines_of_a_dockerfile() {
        let args = of_lines("ARG A=\"say \\\"x\\\"\"\nARG B=plain\n\nRUN evil\nARG C");
        let args: Vec<_> = args.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(args, [("A", "say \"x\""), ("B", "plain")]);
    }
}
