//! The native API, `/api/v2`: one file per resource or verb.

pub(crate) mod builds;
pub(crate) mod cancel;
pub(crate) mod deliveries;
pub(crate) mod dry_run;
pub(crate) mod events;
pub(crate) mod followers;
pub(crate) mod hosts;
mod log_format;
pub(crate) mod logs;
mod path;
pub(crate) mod projects;
pub(crate) mod retry;
pub(crate) mod several;
pub(crate) mod socket;
pub(crate) mod source;
pub(crate) mod submit;
pub(crate) mod templates;
pub(crate) mod triggers;
pub(crate) mod uploads;
mod view;
pub(crate) mod webhooks;

/// A build as `/api/v2` shows it, for those who are told of it.
#[must_use]
pub fn show_build(build: slipway_store::builds::Build) -> serde_json::Value {
    // Words, numbers and maps of strings: this cannot fail to serialise.
    serde_json::to_value(view::build(build, None)).unwrap_or_default()
}
