//! Answers as buildshuttle's clients read them: `{"status": "<text>"}`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use slipway_domain::FieldError;

use crate::error::Error;

/// Why a request of these dialects was not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A field of the documented form is not there.
    Missing(&'static str),
    /// Fields of the shipped form are not there.
    MissingFields,
    /// The build's UUID is none.
    BadUuid,
    /// What is to be stopped does not run.
    NotRunning,
    /// There is nothing of this name.
    NotFound,
    /// Anything that the other dialects can say as well.
    Shared(Error),
}

#[derive(Serialize)]
struct Envelope<'a> {
    status: &'a str,
}

/// An answer that says no more than one word.
pub(super) fn status(code: StatusCode, text: &str) -> HttpResponse {
    HttpResponse::build(code).json(Envelope { status: text })
}

/// A value that was refused, by its name in the dialect.
pub(super) fn field(name: &str, message: &str) -> Refusal {
    FieldError::new(name, message).into()
}

impl Refusal {
    /// The same with a field's name in the dialect's spelling in place of the native one.
    pub(super) fn spelled(self, names: &[(&str, &str)]) -> Self {
        let Self::Shared(Error::Field(error)) = self else { return self };
        let name = error.field.as_str();
        // What is below a field keeps its place below it.
        let spelled = names.iter().find_map(|(native, own)| {
            let rest = name.strip_prefix(native)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| format!("{own}{rest}"))
        });
        let field = spelled.unwrap_or_else(|| name.to_owned());
        Self::Shared(Error::Field(FieldError { field, ..error }))
    }
}

impl Refusal {
    /// The same with the name of the field that a follower came in, in place of the follower's
    /// own: `fields` are those of all followers, in their order.
    pub(super) fn of_followers(self, fields: &[String]) -> Self {
        let native = (0..fields.len()).map(|place| format!("followers[{place}].url"));
        let native: Vec<String> = native.collect();
        let names = native.iter().zip(fields).map(|(native, own)| (native.as_str(), own.as_str()));
        self.spelled(&names.collect::<Vec<_>>())
    }
}

impl ResponseError for Refusal {
    fn error_response(&self) -> HttpResponse {
        use StatusCode as S;

        match self {
            Self::Missing(_) | Self::MissingFields | Self::BadUuid => {
                status(S::BAD_REQUEST, &self.to_string())
            }
            Self::NotRunning => status(S::UNPROCESSABLE_ENTITY, &self.to_string()),
            Self::NotFound => status(S::NOT_FOUND, &self.to_string()),
            Self::Shared(error) => refuse(error),
        }
    }
}

/// Renders an error in this envelope.
pub(crate) fn refuse(error: &Error) -> HttpResponse {
    let answer = error.answer();
    let mut response = answer.begin();
    let hint = answer.body.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    let text = match answer.status {
        StatusCode::NOT_FOUND => "Not Found".to_owned(),
        StatusCode::METHOD_NOT_ALLOWED => "Method Not Allowed".to_owned(),
        StatusCode::INTERNAL_SERVER_ERROR => "Internal Server Error".to_owned(),
        StatusCode::BAD_REQUEST => {
            let field = answer.body.field.map(|field| format!("{field}: ")).unwrap_or_default();
            format!("Bad Request - {field}{}{hint}", answer.body.message)
        }
        // Clients compare it.
        StatusCode::CONFLICT => answer.body.message,
        _ => format!("{}{hint}", answer.body.message),
    };
    response.json(Envelope { status: &text })
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(field) => write!(f, "Required field missing: {field}"),
            Self::MissingFields => f.write_str("Bad Request - missing fields."),
            Self::BadUuid => f.write_str("Bad Request - build uuid is invalid."),
            Self::NotRunning => f.write_str("The build is not running"),
            Self::NotFound => f.write_str("Not Found"),
            Self::Shared(error) => error.fmt(f),
        }
    }
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Shared(error.into())
    }
}
