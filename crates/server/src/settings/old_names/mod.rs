//! The variables and files of the older services, understood so that a deployment moves over
//! unchanged. Nothing new is to be configured here: each is told at the start, by the name
//! that it has now, and a setting under its own name wins.

mod buildshuttle;
mod docker;
mod generator;
mod port;

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Settings, SettingsError};

/// A name of an older service that was found.
#[derive(Debug, Clone)]
pub(super) struct OldName {
    name: String,
    now: String,
}

impl fmt::Display for OldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is understood as {}", self.name, self.now)
    }
}

/// The variables that named boatyard's Redis.
const CACHE: [&str; 3] =
    ["CACHE_1_PORT_6379_TCP_ADDR", "CACHE_1_PORT_6379_TCP_PORT", "CACHE_PASSWORD"];

/// Where old names are looked for.
pub(super) struct Surroundings<'a> {
    /// The value of a variable; none of one that is empty.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a setting was given under its own name.
    pub(super) given: &'a dyn Fn(&str) -> bool,
    /// Where the process was started: `conf/` is in there.
    pub(super) folder: &'a Path,
}

/// Old names on their way into the settings.
struct Old<'a> {
    settings: &'a mut Settings,
    around: &'a Surroundings<'a>,
    found: Vec<OldName>,
}

/// Applies the names that are there.
///
/// # Errors
/// Names the variable or the file, and what is wrong with it.
pub(super) fn apply(
    settings: &mut Settings,
    around: &Surroundings<'_>,
) -> Result<Vec<OldName>, SettingsError> {
    let mut old = Old { settings, around, found: Vec::new() };
    docker::apply(&mut old)?;
    port::apply(&mut old)?;
    generator::apply(&mut old)?;
    buildshuttle::apply(&mut old)?;
    for name in CACHE {
        if old.variable(name).is_some() {
            old.understood(name, "nothing: state lives in the database (database.url)");
        }
    }
    Ok(old.found)
}

/// What is left in its place is told of under the name of the command line that it was.
pub(super) fn of_the_command_line(now: String) -> OldName {
    OldName { name: "web --address --port".into(), now }
}

impl Old<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.around.variable)(name)
    }

    /// A variable for a setting that was not given under its own name.
    fn variable_for(&self, name: &str, setting: &str) -> Option<String> {
        self.variable(name).filter(|_| !(self.around.given)(setting))
    }

    /// The text of a file below the folder; none where there is no such file.
    fn file(&self, name: &str) -> Result<Option<String>, SettingsError> {
        match std::fs::read_to_string(self.path(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(super::invalid(name, format!("cannot be read: {error}"))),
        }
    }

    /// A path as it was written, seen from the folder.
    fn path(&self, written: &str) -> PathBuf {
        self.around.folder.join(written)
    }

    /// Notes what a name is understood as. Told to whoever reads the log: never a secret.
    fn understood(&mut self, name: &str, now: impl Into<String>) {
        self.found.push(OldName { name: name.into(), now: now.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies these variables and files over empty settings, or over those given.
    pub(super) fn applied(
        variables: &[(&str, &str)],
        files: &[(&str, &str)],
        given: &[&str],
    ) -> Result<(Settings, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let around = Surroundings {
            variable: &|name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            },
            given: &|name| given.contains(&name),
            folder: folder.path(),
        };
        let mut settings = Settings::default();
        let old = apply(&mut settings, &around).map_err(|error| error.to_string())?;
        settings.old_names = old.clone();
        settings.docker.fill_in();
        settings.check().map_err(|error| error.to_string())?;
        let shown = settings.as_toml().unwrap();
        assert!(!shown.contains("hunter2"), "{shown}");
        let place = folder.path().display().to_string();
        Ok((settings, old.iter().map(|old| old.to_string().replace(&place, "")).collect()))
    }

    #[test]
    fn the_redis_of_before_is_told_of_and_nothing_else() {
        let variables = [
            ("CACHE_1_PORT_6379_TCP_ADDR", "10.0.0.1"),
            ("CACHE_1_PORT_6379_TCP_PORT", "6379"),
            ("CACHE_PASSWORD", "hunter2"),
        ];
        let (_, told) = applied(&variables, &[], &[]).unwrap();
        insta::assert_snapshot!(told.join("\n"), @r"
        CACHE_1_PORT_6379_TCP_ADDR is understood as nothing: state lives in the database (database.url)
        CACHE_1_PORT_6379_TCP_PORT is understood as nothing: state lives in the database (database.url)
        CACHE_PASSWORD is understood as nothing: state lives in the database (database.url)
        ");
        let (_, told) = applied(&[], &[], &[]).unwrap();
        assert!(told.is_empty());
    }
}
