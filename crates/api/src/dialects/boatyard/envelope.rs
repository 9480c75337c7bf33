//! Errors as boatyard's clients read them: `{"Error": "<text>"}`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use slipway_domain::FieldError;

use crate::error::Error;

const INSUFFICIENT: &str =
    "Insufficient Information.  Must provide at least an Image Name and a Dockerfile/Tarurl.";
const NO_SUCH_JOB: &str = "Jobid doesn't exist in the cache.  Bad request.";

/// Why a request of this dialect was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No image or no source.
    Insufficient,
    /// No job has this id.
    NoSuchJob,
    /// Anything that the other dialects can say as well.
    Shared(Error),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    error: &'a str,
}

/// Renders an error in the old envelope.
pub(crate) fn refuse(error: &Error) -> HttpResponse {
    let answer = error.answer();
    let mut response = answer.begin();
    let text = match answer.status {
        StatusCode::NOT_FOUND => "Resource not found".into(),
        StatusCode::METHOD_NOT_ALLOWED => "Method not allowed".into(),
        StatusCode::INTERNAL_SERVER_ERROR => "Internal Server Error".into(),
        _ => {
            let field = answer.body.field.map(|field| format!("{}: ", spelled(&field)));
            let hint = answer.body.hint.map(|hint| format!("; {hint}"));
            let (field, hint) = (field.unwrap_or_default(), hint.unwrap_or_default());
            format!("{field}{}{hint}", answer.body.message)
        }
    };
    response.json(Envelope { error: &text })
}

/// A field of the native API in boatyard's spelling.
fn spelled(field: &str) -> &str {
    match field {
        "image" => "image_name",
        "source.content" => "dockerfile",
        "source.id" => "TarFile",
        // A login has no other place there than the address.
        "source.url" | "source.auth.username" => "tar_url",
        "source.owner" => "github_username",
        "source.repo" => "github_reponame",
        "source.ref" => "github_tag",
        "registry_auth" => "password",
        other => other,
    }
}

impl ResponseError for Refusal {
    fn error_response(&self) -> HttpResponse {
        match self {
            Self::Insufficient => HttpResponse::BadRequest().json(Envelope { error: INSUFFICIENT }),
            Self::NoSuchJob => HttpResponse::NotFound().json(Envelope { error: NO_SUCH_JOB }),
            Self::Shared(error) => refuse(error),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insufficient => f.write_str(INSUFFICIENT),
            Self::NoSuchJob => f.write_str(NO_SUCH_JOB),
            Self::Shared(error) => error.fmt(f),
        }
    }
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Shared(error.into())
    }
}

/// A value that was refused, by its name in this dialect.
pub(super) fn field(name: &str, message: &str) -> Refusal {
    FieldError::new(name, message).into()
}
