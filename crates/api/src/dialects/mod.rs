//! The older services' APIs, each in a place of its own.
//!
//! A dialect translates words: what comes in becomes a draft for `intake`, what goes out
//! is a row in the old service's spelling. Nothing new may depend on one.

pub(crate) mod boatyard;
pub(crate) mod buildshuttle;
mod cors;
pub(crate) mod generator;
mod settings;
pub(crate) mod shared_submit;
pub(crate) mod templates;

pub(crate) use cors::open_to;
pub use settings::DialectSettings;

use actix_web::{HttpResponse, ResponseError as _};

use crate::error::Error;

/// Refuses a request that no handler took, in the envelope that the path belongs to.
pub(crate) fn refuse(path: &str, error: &Error) -> HttpResponse {
    if templates::owns(path) {
        templates::refuse(error)
    } else if path == "/api/v1" || path.starts_with("/api/v1/") {
        boatyard::refuse(error)
    } else if path == "/b1" || path.starts_with("/b1/") {
        generator::refuse(error)
    } else {
        error.error_response()
    }
}
