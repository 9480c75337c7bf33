//! `template.toml`: what a template is.

use serde::Deserialize;
use slipway_domain::ImageRef;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) description: String,
    pub(super) base_image: ImageRef,
    /// Where its application listens, if it does.
    pub(super) port: Option<u16>,
}

/// Reads one, or says what is wrong with it on one line.
pub(super) fn read(text: &str) -> Result<Manifest, String> {
    let read: Result<Manifest, _> = toml::from_str(text);
    read.map_err(|error| format!("template.toml: {}", error.message().replace('\n', "; ")))
}
