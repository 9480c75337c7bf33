//! `template.toml`: what a template is.

use slipway_domain::ImageRef;
use toml::{Table, Value};

const DESCRIPTION: &str = "description";
const BASE_IMAGE: &str = "base_image";
const PORT: &str = "port";

#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) description: String,
    pub(super) base_image: ImageRef,
    /// Where its application listens, if it does.
    pub(super) port: Option<u16>,
}

/// Reads one, or says what is wrong with it on one line: the key, and what it takes.
pub(super) fn read(text: &str) -> Result<Manifest, String> {
    let problem = |problem: String| format!("template.toml: {problem}");
    let table = toml::from_str(text).map_err(|error| problem(syntax(text, &error)))?;
    of_table(table).map_err(problem)
}

fn of_table(mut table: Table) -> Result<Manifest, String> {
    let known = |name: &&String| ![DESCRIPTION, BASE_IMAGE, PORT].contains(&name.as_str());
    if let Some(name) = table.keys().find(known) {
        let there_are = format!("there are {DESCRIPTION}, {BASE_IMAGE} and {PORT}");
        return Err(format!("there is no {name:?}; {there_are}"));
    }
    let description = text(&mut table, DESCRIPTION)?;
    let base_image = ImageRef::parse(&text(&mut table, BASE_IMAGE)?)
        .map_err(|error| format!("{BASE_IMAGE}: {error}"))?;
    let port = table.remove(PORT).map(|value| port(&value)).transpose()?;
    Ok(Manifest { description, base_image, port })
}

fn text(table: &mut Table, name: &str) -> Result<String, String> {
    match table.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(value) => Err(format!("{name}: must be a text in quotes, not {}", found(&value))),
        None => Err(format!("{name}: is missing; write it as {name} = \"…\"")),
    }
}

fn port(value: &Value) -> Result<u16, String> {
    let number = value.as_integer().and_then(|number| u16::try_from(number).ok());
    number.filter(|port| *port != 0).ok_or_else(|| {
        format!("{PORT}: must be a whole number from 1 to 65535, not {}", found(value))
    })
}

/// What stands there, in the words of who wrote it.
fn found(value: &Value) -> String {
    match value {
        Value::String(_) => "a text".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Datetime(_) => "a date".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// What is wrong with a file that is no TOML, and where.
fn syntax(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    format!("{}{}", line.unwrap_or_default(), error.message().replace('\n', "; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_has_its_key_and_what_the_key_takes() {
        let with = |line: &str| format!("description = \"d\"\nbase_image = \"x\"\n{line}\n");
        let problems = [
            "",
            "description = 5",
            "description = \"d\"",
            "description = \"d\"\nbase_image = [\"x\"]",
            "description = \"d\"\nbase_image = \"Debian\"",
            &with("port = \"80\""),
            &with("port = 0"),
            &with("port = 70000"),
            &with("port = 8.5"),
            &with("ports = [80]"),
            &with("[port]"),
            &with("port = 80\nport = 81"),
            "description = \"d\nbase_image = \"x\"",
        ];
        let told = problems.map(|text| read(text).unwrap_err());
        insta::assert_snapshot!(told.join("\n"), @r#"
        template.toml: description: is missing; write it as description = "…"
        template.toml: description: must be a text in quotes, not 5
        template.toml: base_image: is missing; write it as base_image = "…"
        template.toml: base_image: must be a text in quotes, not a list
        template.toml: base_image: has capitals in "Debian"; repositories are lower-case
        template.toml: port: must be a whole number from 1 to 65535, not a text
        template.toml: port: must be a whole number from 1 to 65535, not 0
        template.toml: port: must be a whole number from 1 to 65535, not 70000
        template.toml: port: must be a whole number from 1 to 65535, not 8.5
        template.toml: there is no "ports"; there are description, base_image and port
        template.toml: port: must be a whole number from 1 to 65535, not a table
        template.toml: line 4: duplicate key
        template.toml: line 1: invalid basic string, expected `"`
        "#);
    }

    #[test]
    fn a_port_may_be_left_out() {
        let manifest = "description = \"d\"\nbase_image = \"debian:12\"";
        assert_eq!(read(manifest).unwrap().port, None);
        assert_eq!(read(&format!("{manifest}\nport = 65535")).unwrap().port, Some(65535));
    }
}
