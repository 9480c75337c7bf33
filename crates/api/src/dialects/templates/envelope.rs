//! Errors as clients of the templates' service read them: `{"error", "code", "details"?}`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use slipway_domain::FieldError;

use crate::error::Error;

/// As much of a text as is quoted.
const MAX_QUOTED_CHARS: usize = 64;

/// Why a request of this dialect was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Fields that have to be there, in the service's own words.
    Missing(&'static str),
    /// No template has this name.
    NoSuchTemplate { asked: String, known: String },
    /// No build has this id.
    NoSuchBuild,
    /// Anything that the other dialects can say as well.
    Shared(Error),
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a str,
    code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a str>,
}

fn say(status: StatusCode, error: &str, details: Option<&str>) -> HttpResponse {
    HttpResponse::build(status).json(Envelope { error, code: status.as_u16(), details })
}

/// Renders an error in the old envelope.
pub(crate) fn refuse(error: &Error) -> HttpResponse {
    let answer = error.answer();
    let text = match &answer.body.field {
        Some(field) => format!("{field}: {}", answer.body.message),
        None => answer.body.message.clone(),
    };
    let details = answer.body.hint.as_deref();
    answer.begin().json(Envelope { error: &text, code: answer.status.as_u16(), details })
}

/// An error about a field of the native API, by the field's name in this dialect: `names` has
/// pairs of the two, and what is below a field goes with it.
pub(super) fn renamed(error: Error, names: &[(&str, &str)]) -> Error {
    let Error::Field(error) = error else { return error };
    let ours = names.iter().find_map(|(native, ours)| {
        let below = error.field.strip_prefix(native)?;
        (below.is_empty() || below.starts_with('.')).then(|| format!("{ours}{below}"))
    });
    let field = ours.unwrap_or_else(|| error.field.clone());
    FieldError { field, ..error }.into()
}

impl ResponseError for Refusal {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Missing(_) | Self::NoSuchTemplate { .. } => {
                say(StatusCode::BAD_REQUEST, &self.to_string(), None)
            }
            Self::NoSuchBuild => {
                say(StatusCode::NOT_FOUND, "Build not found", Some("build not found"))
            }
            Self::Shared(error) => refuse(error),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(text) => f.write_str(text),
            Self::NoSuchTemplate { asked, known } => {
                let asked: String = asked.chars().take(MAX_QUOTED_CHARS).collect();
                write!(f, "unknown model_version {asked:?}; supported are {known}")
            }
            Self::NoSuchBuild => f.write_str("Build not found"),
            Self::Shared(error) => error.fmt(f),
        }
    }
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Shared(error.into())
    }
}
