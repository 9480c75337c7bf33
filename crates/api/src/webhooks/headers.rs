//! Where each forge says what of a delivery.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use slipway_domain::{FieldError, Forge};

use crate::error::Error;

/// Longer than any forge's name for a delivery or an event.
const MAX_VALUE: usize = 200;

/// The names of a forge's headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Headers {
    /// What happened.
    pub(super) event: &'static str,
    /// The forge's name for the delivery.
    pub(super) delivery: &'static str,
    /// What shows that it is the forge's; the first that is there counts.
    pub(super) proof: [&'static str; 2],
}

impl Headers {
    pub(super) const fn of(forge: Forge) -> Self {
        match forge {
            Forge::Github => Self {
                event: "X-GitHub-Event",
                delivery: "X-GitHub-Delivery",
                proof: ["X-Hub-Signature-256"; 2],
            },
            Forge::Gitea => Self {
                event: "X-Gitea-Event",
                delivery: "X-Gitea-Delivery",
                proof: ["X-Gitea-Signature", "X-Forgejo-Signature"],
            },
            Forge::Gitlab => Self {
                event: "X-Gitlab-Event",
                // The same for all tries of one.
                delivery: "Idempotency-Key",
                proof: ["X-Gitlab-Token"; 2],
            },
        }
    }
}

/// The value of a header.
///
/// # Errors
/// When it is not there, or too long to be kept.
pub(super) fn value(req: &HttpRequest, name: &'static str) -> Result<String, Error> {
    let value = req.headers().get(name).and_then(|value| value.to_str().ok());
    let value = value.filter(|value| (1..=MAX_VALUE).contains(&value.len()));
    value.map(ToOwned::to_owned).ok_or_else(|| {
        FieldError::new(name, format!("is missing, or longer than {MAX_VALUE} characters")).into()
    })
}

/// Whether the body is said to be a form.
pub(super) fn is_form(req: &HttpRequest) -> bool {
    let said = req.headers().get_all(CONTENT_TYPE).filter_map(|value| value.to_str().ok());
    let mut kinds = said.filter_map(|value| value.split(';').next());
    kinds.any(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// What tells two things that happened apart where their bodies are equal. Nothing for forges
/// whose bodies never are: their signature is one of the body, and so a body that came before
/// is somebody's who listened. GitLab puts no time into a push, and its token signs no body: a
/// branch that is pushed there, back, and there again says the same twice. All webhooks that hear
/// of one thing are told the same `X-Gitlab-Event-UUID`; where a proxy dropped it, the name of
/// the delivery has to do.
pub(super) fn occasion(forge: Forge, req: &HttpRequest) -> String {
    match forge {
        Forge::Github | Forge::Gitea => String::new(),
        Forge::Gitlab => value(req, "X-Gitlab-Event-UUID")
            .or_else(|_| value(req, Headers::of(forge).delivery))
            .unwrap_or_default(),
    }
}
