//! The native API, `/api/v2`: one file per resource or verb.

pub(crate) mod builds;
pub(crate) mod cancel;
pub(crate) mod events;
pub(crate) mod hosts;
mod log_format;
pub(crate) mod logs;
mod path;
pub(crate) mod projects;
pub(crate) mod retry;
pub(crate) mod source;
pub(crate) mod submit;
pub(crate) mod uploads;
mod view;
mod waiting;
