//! What every envelope has to say, whatever form it gives to it.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use slipway_api_types::ErrorBody;

/// Seconds after which it is worth asking again.
const RETRY_AFTER: &str = "5";

/// What an envelope has to say.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: ErrorBody,
    /// Methods that the path knows, after a wrong one.
    allow: Option<String>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let body =
            ErrorBody { code: code.into(), message: message.into(), field: None, hint: None };
        Self { status, body, allow: None }
    }

    pub(super) fn field(mut self, field: impl Into<String>) -> Self {
        self.body.field = Some(field.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    pub(super) fn hint_if(self, hint: Option<&str>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    pub(super) fn allow(mut self, allow: &str) -> Self {
        self.allow = Some(allow.to_owned());
        self
    }

    /// Status and headers; the envelope adds the body.
    pub(crate) fn begin(&self) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(self.status);
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            response.insert_header((header::UPGRADE, "websocket"));
            response.insert_header((header::SEC_WEBSOCKET_VERSION, "13"));
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
        }
        response
    }
}
