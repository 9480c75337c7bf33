//! JSON bodies, and what is wrong with them, in words their senders can act on.
//!
//! The library's own messages quote the value that did not fit. That value may be a
//! password in the wrong place, so what is answered names the field and the kind of
//! value that was found, and never the value.

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use slipway_domain::{FieldError, SecretId};

use crate::error::Error;

/// The field below which names may be as secret as values.
const LOGINS: &str = "registry_auth";
/// The fields whose names are ids, unless a secret was written in place of one.
const BY_ID: [&str; 2] = ["secrets", "ssh"];

/// Reads a JSON object.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(Error::EmptyBody),
        // A list of values in the right order would be taken for a struct otherwise.
        Some(b'[') => return Err(malformed("it is a list, where an object {…} is wanted")),
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

/// What is wrong with JSON that is none, or no object.
pub(crate) fn syntax(error: &serde_json::Error) -> Error {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => malformed(error.to_string()),
        Category::Data => malformed(other_than_object(&error.to_string())),
    }
}

/// What stands where an object should: `invalid type: null, expected struct SubmitBuild at …`.
fn other_than_object(text: &str) -> String {
    let found = text.strip_prefix("invalid type: ").unwrap_or_default();
    let found = match found.split([' ', ',']).next().unwrap_or_default() {
        "null" => "null",
        "string" => "a text",
        "boolean" => "true or false",
        "integer" | "floating" => "a number",
        "sequence" => "a list",
        _ => "something else",
    };
    format!("it is {found}, where an object {{…}} is wanted")
}

/// JSON that is no object.
pub(crate) fn no_object() -> Error {
    malformed("it is something else, where an object {…} is wanted")
}

fn malformed(problem: impl Into<String>) -> Error {
    Error::Malformed { form: "JSON object", problem: problem.into() }
}

fn explain(path: &str, error: &serde_json::Error) -> Error {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => syntax(error),
        Category::Data => data(path, error),
    }
}

/// The path as it may be quoted: a registry may be spelled as a URL with a login in it.
fn shown(path: &str) -> &str {
    let by_id = BY_ID.iter().find_map(|field| Some((field, path.strip_prefix(field)?)));
    if let Some((field, rest)) = by_id
        && let Some(id) = rest.strip_prefix('.')
        && SecretId::parse(id).is_none()
    {
        return field;
    }
    match path {
        "." => "",
        path if path.starts_with(LOGINS) && path.contains(['@', '/']) => LOGINS,
        path => path,
    }
}

/// A value that does not fit its field.
fn data(path: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let path = shown(path);
    if let Some(rest) = text.strip_prefix("unknown field ") {
        let (name, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let known = (!known.is_empty()).then(|| listed(known));
        let name = name.trim_matches('`');
        // What stands where a field of a login should may be the login itself.
        let field = if path.starts_with(LOGINS) { LOGINS.to_owned() } else { join(path, name) };
        return Error::UnknownField { field, known };
    }
    if let Some(name) = text.strip_prefix("missing field ") {
        return FieldError::new(join(path, name.trim_matches('`')), "is missing").into();
    }
    if let Some(name) = text.strip_prefix("duplicate field ") {
        return FieldError::new(join(path, name.trim_matches('`')), "is there twice").into();
    }
    if let Some(rest) = text.strip_prefix("unknown variant ") {
        let (word, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let word = word.trim_matches('`');
        return FieldError::new(join(path, "type"), format!("{word:?} is not supported"))
            .hint(format!("it can be {}", listed(known)))
            .into();
    }
    if path.is_empty() {
        return malformed(other_than_object(text));
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
        "a map" => "an object",
        "a UUID string" | "a formatted UUID string" => "a UUID",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    // A value of the right kind that is out of bounds is told by the bounds alone.
    let kind = found.strip_prefix("invalid type: ").unwrap_or_default();
    let kind = kind.split(['`', '"']).next().unwrap_or_default().trim();
    match kind {
        "" => format!("must be {expected}"),
        "null" => format!("must be {expected}, not null"),
        "integer" => format!("must be {expected}, not an integer"),
        "map" => format!("must be {expected}, not an object"),
        "sequence" => format!("must be {expected}, not a list"),
        "floating point" => format!("must be {expected}, not a fraction"),
        kind => format!("must be {expected}, not a {kind}"),
    }
}

/// ``one of `a`, `b` `` and `` `a` or `b` `` as `a, b`.
fn listed(names: &str) -> String {
    names.strip_prefix("one of ").unwrap_or(names).replace(" or ", ", ").replace('`', "")
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
                refused("null"),
                refused("true"),
                refused("5"),
                refused("{} {}"),
                refused("{}"),
                refused(r#"{"image": 5}"#),
                refused(r#"{"image": null}"#),
                refused(r#"{"image": "a", "image": "b"}"#),
                refused(r#"{"image": "a", "source": {}}"#),
                refused(r#"{"image": "a", "source": []}"#),
                refused(r#"{"image": "a", "source": "x"}"#),
                refused(r#"{"image": "a", "source": {"type": "svn"}}"#),
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
                with(r#""timeout_seconds": "10""#),
                with(r#""timeout_seconds": 86401"#),
                with(r#""timeout_seconds": 86400, "no_cache": 1"#),
                with(r#""timeout_seconds": null, "no_cache": 1"#),
                with(r#""registry_auth": {"r.example": "hunter2"}"#),
                with(r#""registry_auth": {"r.example": {"username": "u", "password": 5}}"#),
                with(r#""registry_auth": {"r.example": {"username": "u"}}"#),
                with(r#""registry_auth": {"r.example": {"user": "u"}}"#),
                with("\"target\": \"\u{fffd}\0\""),
            ]
            .join("\n"),
            @r#"
        empty_body : the request has no body [send what this path asks for as the body of the request]
        empty_body : the request has no body [send what this path asks for as the body of the request]
        malformed_body : the body is no JSON object: EOF while parsing an object at line 1 column 1
        malformed_body : the body is no JSON object: expected value at line 2 column 12
        malformed_body : the body is no JSON object: it is a list, where an object {…} is wanted
        malformed_body : the body is no JSON object: it is a text, where an object {…} is wanted
        malformed_body : the body is no JSON object: it is null, where an object {…} is wanted
        malformed_body : the body is no JSON object: it is true or false, where an object {…} is wanted
        malformed_body : the body is no JSON object: it is a number, where an object {…} is wanted
        invalid_field image: is missing
        invalid_field image: is missing
        invalid_field image: must be a string, not an integer
        invalid_field image: must be a string, not null
        invalid_field image: is there twice
        invalid_field source.type: is missing
        invalid_field source: must be an object, not a list
        invalid_field source: must be an object, not a string
        invalid_field source.type: "svn" is not supported [it can be dockerfile, upload, archive, git, github, image, template]
        invalid_field source.content: is missing
        invalid_field source.content: must be a string, not an integer
        unknown_field source.contnet: there is no such field [the fields are type, content, files]
        invalid_field source.id: cannot be read: UUID parsing failed
        unknown_field imgae: there is no such field [the fields are image, source, dockerfile, args, labels, target, platform, no_cache, pull, push, registry_auth, secrets, ssh, project, metadata, timeout_seconds, priority, queue_timeout_seconds, supersede_key, followers]
        invalid_field args.A: must be a string, not an integer
        invalid_field args: must be an object, not a list
        malformed_body : the body is no JSON object: EOF while parsing a string at line 1 column 86
        invalid_field no_cache: must be a boolean, not a string
        invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400
        invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400
        invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400, not a fraction
        invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400, not a string
        invalid_field timeout_seconds: must be a whole number of seconds from 1 to 86400
        invalid_field no_cache: must be a boolean, not an integer
        invalid_field no_cache: must be a boolean, not an integer
        invalid_field registry_auth.r.example: must be an object, not a string
        invalid_field registry_auth.r.example.password: must be a string, not an integer
        invalid_field registry_auth.r.example.password: is missing
        unknown_field registry_auth: there is no such field [the fields are username, password]
        malformed_body : the body is no JSON object: control character (\u0000-\u001F) found while parsing a string at line 1 column 84
        "#
        );
    }
}
