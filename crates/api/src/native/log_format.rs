//! In which form a log is asked for.
//!
//! `format` names it. Without one, `Accept` may: each form has a type of its own, and who
//! takes anything gets the text that people read.

use actix_web::HttpRequest;
use actix_web::http::header::{self, Header as _};
use slipway_domain::FieldError;
use slipway_follow::Format;

use crate::error::Error;
use crate::params::Params;

/// The form that a request asks for.
pub(super) fn asked(req: &HttpRequest, params: &Params) -> Result<Format, Error> {
    match params.get("format") {
        Some(word) => word.parse().map_err(|()| {
            let names = Format::ALL.map(Format::as_str).join(", ");
            FieldError::new("format", "is no form of a log")
                .hint(format!("it can be {names}"))
                .into()
        }),
        None => Ok(accepted(req)),
    }
}

/// What it is called in `Content-Type`.
pub(super) const fn content_type(format: Format) -> &'static str {
    match format {
        Format::Text | Format::Classic => "text/plain; charset=utf-8",
        // As the engine says of its own, though it is many objects.
        Format::DockerJson => "application/json",
        Format::JsonLines => "application/x-ndjson",
    }
}

/// The first of the types that the client likes best and we have. One that likes none of
/// them, a header that cannot be read included, gets text.
fn accepted(req: &HttpRequest) -> Format {
    let Ok(accept) = header::Accept::parse(req) else { return Format::Text };
    let wanted = accept.ranked();
    let known = wanted.iter().find_map(|mime| match mime.essence_str() {
        "text/plain" | "text/*" | "*/*" => Some(Format::Text),
        "application/x-ndjson" | "application/jsonl" => Some(Format::JsonLines),
        "application/json" => Some(Format::DockerJson),
        _ => None,
    });
    known.unwrap_or(Format::Text)
}
