//! JSON bodies, and what is wrong with them, in words their senders can act on.
//!
//! The library's own messages quote the value that did not fit. That value may be a
//! password in the wrong place, so what is answered names the field and the kind of
//! value that was found, and never the value.

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use slipway_domain::FieldError;

use crate::error::Error;

/// Reads a JSON object.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(Error::EmptyBody),
        // A list of values in the right order would be taken for a struct otherwise.
        Some(b'[') => return Err(malformed("it is a list, not an object")),
        Some(_) => {}
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, error.inner())
    })?;
    reader.end().map_err(|error| explain(".", &error))?;
    Ok(value)
}

/// What is wrong with JSON that could not be read at all.
pub(crate) fn syntax(error: &serde_json::Error) -> Error {
    malformed(error.to_string())
}

fn malformed(problem: impl Into<String>) -> Error {
    Error::Malformed { form: "JSON", problem: problem.into() }
}

fn explain(path: &str, error: &serde_json::Error) -> Error {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => syntax(error),
        Category::Data => data(path, error),
    }
}

/// A value that does not fit its field.
fn data(path: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let path = if path == "." { "" } else { path };
    if let Some(rest) = text.strip_prefix("unknown field ") {
        let (name, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let known = known.strip_prefix("one of ").unwrap_or(known).replace('`', "");
        let known = (!known.is_empty() && !known.starts_with("there are no")).then_some(known);
        return Error::UnknownField { field: join(path, name.trim_matches('`')), known };
    }
    if let Some(name) = text.strip_prefix("missing field ") {
        return FieldError::new(join(path, name.trim_matches('`')), "is missing").into();
    }
    if let Some(name) = text.strip_prefix("duplicate field ") {
        return FieldError::new(join(path, name.trim_matches('`')), "is there twice").into();
    }
    if let Some(rest) = text.strip_prefix("unknown variant ") {
        let (word, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let known = known.strip_prefix("one of ").unwrap_or(known).replace('`', "");
        let word = word.trim_matches('`');
        return FieldError::new(join(path, "type"), format!("{word:?} is not supported"))
            .hint(format!("it can be {known}"))
            .into();
    }
    if path.is_empty() {
        return malformed("it is not an object");
    }
    FieldError::new(path, misfit(text)).into()
}

/// `invalid type: integer `5`, expected a string` as `must be a string, not an integer`.
fn misfit(text: &str) -> String {
    let Some((found, expected)) = text.rsplit_once(", expected ") else {
        // A refusal in a type's own words, such as that of a UUID: what follows a colon
        // may quote the value.
        let words = text.split(':').next().unwrap_or(text);
        return format!("cannot be read: {words}");
    };
    let expected = match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "a map" => "an object",
        "a UUID string" | "a formatted UUID string" => "a UUID",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let kind = found.split_once(": ").map_or("", |(_, value)| value);
    let kind = kind.split(['`', '"']).next().unwrap_or_default().trim();
    match kind {
        "" => format!("must be {expected}"),
        "null" => format!("must be {expected}, not null"),
        "integer" => format!("must be {expected}, not an integer"),
        "map" => format!("must be {expected}, not an object"),
        "sequence" => format!("must be {expected}, not a list"),
        kind => format!("must be {expected}, not a {kind}"),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() || path == name || path.ends_with(&format!(".{name}")) {
        return if path.is_empty() { name.to_owned() } else { path.to_owned() };
    }
    format!("{path}.{name}")
}

#[cfg(test)]
mod tests {
    use slipway_api_types::SubmitBuild;

    use super::*;

    fn refused(body: &str) -> String {
        let Err(error) = parse::<SubmitBuild>(body.as_bytes()) else { panic!("{body} was taken") };
        let body = error.answer().body;
        let field = body.field.unwrap_or_default();
        let hint = body.hint.map(|hint| format!(" [{hint}]")).unwrap_or_default();
        format!("{} {field}: {}{hint}", body.code, body.message)
    }

    #[test]
    fn each_error_names_its_field_and_never_the_value() {
        let with = |more: &str| {
            let source = r#""source":{"type":"dockerfile","content":"FROM scratch"}"#;
            refused(&format!(r#"{{"image":"a",{source},{more}}}"#))
        };
        insta::assert_snapshot!(
            [
                refused(""),
                refused(" \n"),
                refused("{"),
                refused("{\n  \"image\": x}"),
                refused("[]"),
                refused("\"text\""),
                refused("{} {}"),
                refused("{}"),
                refused(r#"{"image": 5}"#),
                refused(r#"{"image": null}"#),
                refused(r#"{"image": "a", "image": "b"}"#),
                refused(r#"{"image": "a", "source": {}}"#),
                refused(r#"{"image": "a", "source": []}"#),
                refused(r#"{"image": "a", "source": "x"}"#),
                refused(r#"{"image": "a", "source": {"type": "git"}}"#),
                refused(r#"{"image": "a", "source": {"type": "dockerfile"}}"#),
                refused(r#"{"image": "a", "source": {"type": "dockerfile", "content": 1}}"#),
                refused(r#"{"image": "a", "source": {"type": "dockerfile", "contnet": ""}}"#),
                refused(r#"{"image": "a", "source": {"type": "upload", "id": "hunter2"}}"#),
                with(r#""imgae": "x""#),
                with(r#""args": {"A": 1}"#),
                with(r#""args": ["hunter2"]"#),
                with(r#""no_cache": "yes"#),
                with(r#""no_cache": "yes""#),
                with(r#""timeout_seconds": -1"#),
                with(r#""timeout_seconds": 99999999999"#),
                with(r#""timeout_seconds": 1.5"#),
                with(r#""registry_auth": {"r.example": "hunter2"}"#),
                with(r#""registry_auth": {"r.example": {"username": "u", "password": 5}}"#),
                with(r#""registry_auth": {"r.example": {"username": "u"}}"#),
                with(r#""registry_auth": {"r.example": {"user": "u"}}"#),
                with("\"target\": \"\u{fffd}\0\""),
            ]
            .join("\n"),
            @""
        );
    }
}
