//! Why settings are refused, by their names.

use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use super::strict;

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The file is not there, or is no TOML.
    #[error("settings: {} {problem}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What is wrong with it. Never quotes it.
        problem: String,
    },
    /// The file or a variable has what no setting is, or what is not of the setting's kind.
    #[error("settings: {0}")]
    Misfit(#[from] strict::Misfit),
    /// File and variables cannot be put together.
    #[error("settings cannot be read")]
    Layers(#[from] config::ConfigError),
    /// A value does not fit.
    #[error("settings: {key}: {problem}")]
    Value {
        /// `section.key`.
        key: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// They cannot be shown.
    #[error("settings cannot be printed: {0}")]
    Print(#[from] toml::ser::Error),
}

pub(super) fn invalid(key: &str, problem: impl Into<String>) -> SettingsError {
    SettingsError::Value { key: key.to_owned(), problem: problem.into() }
}

pub(super) fn at_least_one(key: &str, value: u64) -> Result<(), SettingsError> {
    if value == 0 { Err(invalid(key, "must be at least 1")) } else { Ok(()) }
}

/// The longest that things are kept, in days. Dates so long ago are still dates to every
/// database; beyond some thousand years they are not.
const CENTURY: u64 = 36_500;

/// For how long something is kept. `unit_hours` is how long one of its unit is.
pub(super) fn kept(key: &str, value: u64, unit_hours: u64) -> Result<(), SettingsError> {
    at_most(key, value, CENTURY * 24 / unit_hours)
}

pub(super) fn at_most(key: &str, value: u64, most: u64) -> Result<(), SettingsError> {
    if value > most { Err(invalid(key, format!("must be at most {most}"))) } else { Ok(()) }
}

pub(super) fn address(key: &str, text: &str) -> Result<SocketAddr, SettingsError> {
    text.parse().map_err(|_| invalid(key, format!("{text:?} is no address; write 127.0.0.1:8080")))
}
