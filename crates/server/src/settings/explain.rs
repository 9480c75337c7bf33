//! What is wrong with the settings, in the words of who wrote them.
//!
//! The library speaks of Rust's types and spells keys in a way of its own
//! (`docker.hosts[0]url`); here is the key as one writes it, and what belongs there. Values
//! are not quoted: one may be a password in the wrong place.

use config::ConfigError;

/// A sentence that begins with the key.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is about no key")]
pub(super) fn in_words(error: &ConfigError) -> String {
    match error {
        ConfigError::Type { origin, unexpected, expected, key } => {
            let key = key.as_deref().unwrap_or_default();
            misfit(&unexpected.to_string(), expected, key, origin.as_deref())
        }
        ConfigError::At { error, origin, key } => {
            let key = key.as_deref().unwrap_or_default();
            let origin = origin.as_deref();
            if let ConfigError::Message(text) = &**error {
                message(text, key, origin)
            } else {
                format!("{}: {error}", written(key, origin))
            }
        }
        ConfigError::NotFound(key) => format!("{}: is missing", written(key, None)),
        ConfigError::Message(text) => message(text, "", None),
        // A file that is no TOML, or is not there, is told well.
        other => other.to_string(),
    }
}

fn misfit(unexpected: &str, expected: &str, key: &str, origin: Option<&str>) -> String {
    let (place, wanted) = (written(key, origin), wanted(expected, key));
    format!("{place}: must be {wanted}, not {}", found(unexpected))
}

fn message(text: &str, key: &str, origin: Option<&str>) -> String {
    if let Some(rest) = text.strip_prefix("invalid type: ")
        && let Some((unexpected, expected)) = rest.rsplit_once(", expected ")
    {
        return misfit(unexpected, expected, key, origin);
    }
    let Some(rest) = text.strip_prefix("unknown field ") else {
        return match key {
            "" => text.to_owned(),
            key => format!("{}: {text}", written(key, origin)),
        };
    };
    let (name, known) = rest.split_once(", expected ").unwrap_or((rest, ""));
    let known = known.trim_start_matches("one of ").replace('`', "");
    let name = name.trim_matches('`');
    match key {
        "" => format!("there is no section {name}; the sections are {known}"),
        key => format!("there is no {name} in {}; there are {known}", section(key)),
    }
}

/// `worker.concurrency`, `url in the first [[docker.hosts]]`, or the variable that it came from.
fn written(key: &str, origin: Option<&str>) -> String {
    if origin.is_some_and(|origin| origin.contains("environment")) {
        return format!("SLIPWAY__{}", key.replace('.', "__").to_uppercase());
    }
    match split(key) {
        Some((list, number, rest)) if !rest.is_empty() => {
            format!("{rest} in the {} [[{list}]]", ordinal(number))
        }
        Some((list, number, _)) => format!("the {} [[{list}]]", ordinal(number)),
        None => key.to_owned(),
    }
}

/// A table as it is headed in the file.
fn section(key: &str) -> String {
    match split(key) {
        Some((list, number, _)) => format!("the {} [[{list}]]", ordinal(number)),
        None => format!("[{key}]"),
    }
}

/// `docker.hosts[0]url` as the list, the index and what is below it.
fn split(key: &str) -> Option<(&str, usize, &str)> {
    let (list, rest) = key.split_once('[')?;
    let (index, rest) = rest.split_once(']')?;
    Some((list, index.parse().ok()?, rest.trim_start_matches('.')))
}

fn ordinal(index: usize) -> String {
    match index {
        0 => "first".to_owned(),
        1 => "second".to_owned(),
        2 => "third".to_owned(),
        more => format!("{}th", more + 1),
    }
}

fn wanted(expected: &str, key: &str) -> String {
    match expected {
        text if text.contains("unsigned") => "a whole number that is not negative".to_owned(),
        "an integer" => "a whole number".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" if key == "docker.hosts" || key == "triggers" => {
            format!("a list of tables, each headed [[{key}]]")
        }
        "a sequence" => "a list in [ ]".to_owned(),
        "a map" => "a table { NAME = \"value\" }".to_owned(),
        text if text.starts_with("struct ") => format!("a section headed {}", section(key)),
        other => other.to_owned(),
    }
}

/// By the words that the library has for it: ``integer `5` ``, `sequence`.
fn found(unexpected: &str) -> &'static str {
    match unexpected {
        text if text.starts_with("boolean") => "true or false",
        text if text.starts_with("string") => "this text",
        text if text.starts_with("floating") => "a fraction",
        "sequence" => "a list",
        "map" => "a table",
        "unit value" => "nothing",
        // Of whatever width.
        _ => "this number",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn said(toml: &str) -> String {
        let file = config::File::from_str(toml, config::FileFormat::Toml);
        let read = config::Config::builder().add_source(file).build();
        in_words(&read.and_then(config::Config::try_deserialize::<Settings>).unwrap_err())
    }

    #[test]
    fn keys_as_they_are_written_and_what_belongs_there() {
        let host = "[[docker.hosts]]\nname = \"a\"\nurl = \"unix:///a\"\n";
        for (toml, words) in [
            ("http = 5".to_owned(), "http: must be a section headed [http], not this number"),
            (
                "[http]\nlisten = [1]".to_owned(),
                "http.listen: must be a text in quotes, not a list",
            ),
            (
                "[worker]\nconcurrency = \"hunter2\"".to_owned(),
                "worker.concurrency: must be a whole number, not this text",
            ),
            (
                "[build]\nextra_args = \"x\"".to_owned(),
                "build.extra_args: must be a table { NAME = \"value\" }, not this text",
            ),
            (
                "[docker]\nhosts = \"x\"".to_owned(),
                "docker.hosts: must be a list of tables, each headed [[docker.hosts]], not this text",
            ),
            (
                "[[docker.hosts]]\nname = \"a\"".to_owned(),
                "url in the first [[docker.hosts]]: is missing",
            ),
            (
                format!("{host}{host}slots = -1"),
                "slots in the second [[docker.hosts]]: must be a whole number that is not \
                 negative, not this number",
            ),
            (
                format!("{host}builder = \"x\""),
                "builder in the first [[docker.hosts]]: must be auto, buildkit or classic",
            ),
        ] {
            assert_eq!(said(&toml), words, "{toml}");
        }
    }

    #[test]
    fn names_that_there_are_not() {
        let unknown = said("[nope]\na = 1");
        assert!(
            unknown.starts_with("there is no section nope; the sections are http, "),
            "{unknown}"
        );
        let unknown = said("[http]\nlissten = 1");
        assert!(
            unknown.starts_with("there is no lissten in [http]; there are listen, "),
            "{unknown}"
        );
        let unknown = said("[[docker.hosts]]\nname = \"a\"\nurl = \"u\"\nurrl = 1");
        let words = "there is no urrl in the first [[docker.hosts]]; there are name, url, ";
        assert!(unknown.starts_with(words), "{unknown}");
    }

    #[test]
    fn a_variable_by_its_own_name() {
        let variables = [("SLIPWAY__WORKER__CONCURRENCY".to_owned(), "many".to_owned())];
        let variables = config::Environment::with_prefix("SLIPWAY")
            .separator("__")
            .try_parsing(true)
            .source(Some(variables.into_iter().collect()));
        let read = config::Config::builder().add_source(variables).build();
        let error = read.and_then(config::Config::try_deserialize::<Settings>).unwrap_err();
        assert_eq!(
            in_words(&error),
            "SLIPWAY__WORKER__CONCURRENCY: must be a whole number, not this text"
        );
    }
}
