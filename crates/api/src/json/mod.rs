//! JSON bodies, and what is wrong with them, in words their senders can act on.
//!
//! The library's own messages quote the value that did not fit. That value may be a
//! password in the wrong place, so what is answered names the field and the kind of
//! value that was found, and never the value.

mod words;

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use slipway_domain::{FieldError, SecretId};

use self::words::{listed, misfit, misspelt, other_than_object};
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
        other_than_utf8(body).unwrap_or_else(|| explain(&path, error.inner()))
    })?;
    reader.end().map_err(|error| explain(".", &error))?;
    Ok(value)
}

/// What is wrong with a body that is no JSON, or no object.
pub(crate) fn refused(body: &[u8], error: &serde_json::Error) -> Error {
    other_than_utf8(body).unwrap_or_else(|| syntax(error))
}

fn syntax(error: &serde_json::Error) -> Error {
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => {
            let text = error.to_string();
            let words = misspelt(text.strip_suffix(&place(error)).unwrap_or(&text));
            malformed(format!("line {}, column {}: {words}", error.line(), error.column()))
        }
        Category::Data => malformed(other_than_object(&error.to_string())),
    }
}

/// Where the library's messages say that something is.
fn place(error: &serde_json::Error) -> String {
    format!(" at line {} column {}", error.line(), error.column())
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

/// The first place where a body is not written in UTF-8, as all JSON is.
fn other_than_utf8(body: &[u8]) -> Option<Error> {
    let error = std::str::from_utf8(body).err()?;
    let place = error.valid_up_to() + 1;
    Some(malformed(format!("it is not in UTF-8: byte {place} belongs to another encoding")))
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
    let text = text.strip_suffix(&place(error)).unwrap_or(&text);
    let path = shown(path);
    if let Some(rest) = text.strip_prefix("unknown field ") {
        let (name, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let known = (!known.is_empty()).then(|| listed(known));
        let name = name.trim_matches('`');
        // What stands where a field of a login should may be the login itself.
        if path.starts_with(LOGINS) {
            let hint = "write each as {\"username\": …, \"password\": …}; what docker's config.json \
                        has as auth is both in base64, with a colon between";
            return FieldError::new(LOGINS, "has a login with another field than those of logins")
                .hint(hint)
                .into();
        }
        let field = join(path, name);
        return Error::UnknownField { field, known };
    }
    if let Some(name) = text.strip_prefix("missing field ") {
        return FieldError::new(join(path, name.trim_matches('`')), "is missing").into();
    }
    if let Some(name) = text.strip_prefix("duplicate field ") {
        let place = join(path, name.trim_matches('`'));
        return FieldError::new(shown(&place), "is there twice").into();
    }
    if let Some(rest) = text.strip_prefix("unknown variant ") {
        let (word, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
        let word = word.trim_matches('`');
        return FieldError::new(of_word(path), format!("{word:?} is not supported"))
            .hint(format!("it can be {}", listed(known)))
            .into();
    }
    if path.is_empty() {
        return malformed(other_than_object(text));
    }
    FieldError::new(path, misfit(text)).into()
}

/// Where a word stands that is none of those there are. That of a source is its `type`, and the
/// reader was still at the object that it is in; any other is a field of its own.
fn of_word(path: &str) -> String {
    if path == "source" { join(path, "type") } else { path.to_owned() }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() || path == name || path.ends_with(&format!(".{name}")) {
        return if path.is_empty() { name.to_owned() } else { path.to_owned() };
    }
    format!("{path}.{name}")
}

#[cfg(test)]
mod tests;
