//! Errors as generator's clients read them: a line of plain text that begins with the name of
//! the parameter.

use std::fmt;

use actix_web::{HttpResponse, ResponseError};

use super::TEXT;
use crate::error::Error;

/// Why a request of this dialect was not done.
#[derive(Debug)]
pub(crate) struct Refusal(Error);

/// Renders an error as text.
pub(crate) fn refuse(error: &Error) -> HttpResponse {
    let answer = error.answer();
    let mut response = answer.begin();
    let body = answer.body;
    let field = body.field.map(|field| format!("{field}: ")).unwrap_or_default();
    let hint = body.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    response.content_type(TEXT).body(format!("{field}{}{hint}", body.message))
}

impl ResponseError for Refusal {
    fn error_response(&self) -> HttpResponse {
        refuse(&self.0)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}
