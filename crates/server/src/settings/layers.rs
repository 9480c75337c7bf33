//! What was given: the file, and over it the variables.
//!
//! The library (`config`) puts one over the other. It does not read the file, because it takes a
//! date for a text and does not say which number is too large for it. It does not say either what
//! a variable holds: to it, and so to [`strict`](super::strict), that is a text with an origin,
//! which nothing in the file has.

use std::ffi::OsString;
use std::path::Path;

use config::{Config, ConfigError, Environment, Map, Source, Value, ValueKind};
use toml::de::{DeTable, DeValue, Error};

use super::{SettingsError, invalid};

const PREFIX: &str = "SLIPWAY";
const SEPARATOR: &str = "__";

/// What was given, one over the other, as it was given.
///
/// # Errors
/// When the file cannot be read or is no TOML, or a variable is no text.
pub(super) fn read(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, SettingsError> {
    let mut given = Config::builder();
    if let Some(file) = file {
        let refuse = |problem: String| SettingsError::File { file: file.to_owned(), problem };
        let text = std::fs::read_to_string(file)
            .map_err(|error| refuse(format!("cannot be read: {error}")))?;
        given = given.add_source(File(parse(&text).map_err(refuse)?));
    }
    let mut texts = texts(variables)?;
    let args = BuildArgs::out_of(&mut texts);
    let variables = Environment::with_prefix(PREFIX).separator(SEPARATOR).source(Some(texts));
    Ok(given.add_source(variables).add_source(args).build()?)
}

/// The variables below `build.extra_args`: an argument's name is spelled as in the Dockerfile, and
/// the library would make small letters of it.
#[derive(Debug, Clone)]
struct BuildArgs(Map<String, Value>);

impl BuildArgs {
    const BEGIN: &str = "SLIPWAY__BUILD__EXTRA_ARGS__";

    fn out_of(texts: &mut Map<String, String>) -> Self {
        let is_one = |name: &String, _: &mut String| name.to_uppercase().starts_with(Self::BEGIN);
        let args = texts.extract_if(is_one).filter_map(|(name, text)| {
            let name = name.get(Self::BEGIN.len()..)?.to_owned();
            Some((name, Value::new(Some(&"the environment".to_owned()), text)))
        });
        Self(args.collect())
    }
}

impl Source for BuildArgs {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        if self.0.is_empty() {
            return Ok(Map::new());
        }
        let build: Map<String, Value> =
            Map::from([("extra_args".to_owned(), self.0.clone().into())]);
        Ok(Map::from([("build".to_owned(), build.into())]))
    }
}

/// The variables that are settings. One that looks like a setting and would be none is refused:
/// who wrote it takes it for one.
fn texts(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Map<String, String>, SettingsError> {
    let ours = format!("{PREFIX}{SEPARATOR}");
    let mut texts = Map::new();
    for (name, text) in variables {
        let Ok(name) = name.into_string() else { continue };
        let upper = name.to_uppercase();
        if upper.starts_with(&ours) {
            let text = text.into_string().map_err(|_| invalid(&name, "is no text in UTF-8"))?;
            texts.insert(name, text);
        } else if let Some(rest) = upper.strip_prefix(PREFIX)
            && rest.starts_with('_')
            && rest.contains(SEPARATOR)
        {
            let problem = format!("is no setting: settings begin with {ours}, two underscores");
            return Err(invalid(&name, problem));
        }
    }
    Ok(texts)
}

/// The content of a settings file.
#[derive(Debug, Clone)]
struct File(Map<String, Value>);

impl Source for File {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let parsed = DeTable::parse(text).map_err(|error| no_toml(text, &error))?;
    table(&parsed.into_inner())
}

/// Where a file is no TOML. The library's own words show the line, which may hold a password.
fn no_toml(text: &str, error: &Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
    format!("is no TOML in line {line}, column {column}: {}", error.message().replace('\n', ", "))
}

fn table(given: &DeTable<'_>) -> Result<Map<String, Value>, String> {
    let entries = given.iter().map(|(name, given)| {
        let name = name.get_ref().to_string();
        let kind = kind(given.get_ref()).map_err(|problem| format!("{name}: {problem}"))?;
        Ok((name, kind.into()))
    });
    entries.collect()
}

fn kind(given: &DeValue<'_>) -> Result<ValueKind, String> {
    Ok(match given {
        DeValue::String(text) => ValueKind::String(text.to_string()),
        // What is larger than any setting can be is told as such by the setting.
        DeValue::Integer(number) => ValueKind::I128(
            i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX),
        ),
        DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => ValueKind::Boolean(*flag),
        DeValue::Datetime(_) => return Err("is a date, which no setting is".to_owned()),
        DeValue::Array(list) => {
            let list = list.iter().map(|given| Ok(kind(given.get_ref())?.into()));
            ValueKind::Array(list.collect::<Result<_, String>>()?)
        }
        DeValue::Table(given) => ValueKind::Table(table(given)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_file_is_no_toml_and_not_what_it_holds() {
        for (text, words) in [
            ("[secrets]\nkey = hunter2\n", "is no TOML in line 2, column 7: "),
            ("[secrets]\n  key = \"hunter2\n", "is no TOML in line 2, column "),
            ("[http\n", "is no TOML in line 1, column "),
            ("[http]\n[http]\n", "is no TOML in line 2, column "),
            ("[http]\nlisten = 2026-11-22\n", "http: listen: is a date"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with(words), "{problem}");
            assert!(!problem.contains("hunter2") && !problem.contains('\n'), "{problem}");
        }
    }
}
