//! The one vocabulary of errors.
//!
//! Handlers of every dialect fail in these words; each envelope renders what
//! [`Error::answer`] makes of them. Causes are logged there, once, and never shown.

use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use slipway_api_types::{ErrorBody, ErrorView};
use slipway_domain::{BuildId, BuildState, DeliveryId, FieldError, HostName, Outcome, UploadId};
use slipway_store::StoreError;
use thiserror::Error;

/// Seconds after which it is worth asking again.
const RETRY_AFTER: &str = "5";

/// Why a request was not done.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// A body was needed and none came.
    #[error("the request has no body")]
    EmptyBody,
    /// The body is not in the form that it should be in.
    #[error("the body is no {form}: {problem}")]
    Malformed { form: &'static str, problem: String },
    /// A value was refused.
    #[error("{0}")]
    Field(FieldError),
    /// A field that there is not.
    #[error("there is no such field")]
    UnknownField { field: String, known: Option<String> },
    /// A query parameter that there is not.
    #[error("there is no such parameter")]
    UnknownParameter { name: String, known: &'static [&'static str] },
    /// The body is compressed in transit.
    #[error("bodies with Content-Encoding {0:?} are not read")]
    Encoding(String),
    /// The bytes are no build context.
    #[error("{found}")]
    NotAnArchive { found: &'static str },
    /// The connection ended in the middle of the body.
    #[error("the body ended before its end")]
    CutOff,
    /// The client stopped sending and did not hang up.
    #[error("no byte of the body came for {seconds} seconds")]
    TooSlow { seconds: u64 },
    /// More than the limits allow.
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge { what: &'static str, limit: u64 },
    /// No route has this path.
    #[error("there is nothing at this path")]
    NoSuchPath,
    /// The process has started, and cannot take requests yet.
    #[error("the server starts; it waits for its database")]
    NotYet,
    /// The route of this path knows other methods.
    #[error("this path does not know the method")]
    WrongMethod { allow: String },
    /// The path speaks WebSocket, version 13, and nothing else.
    #[error("this path is a WebSocket")]
    NoWebSocket,
    /// The handshake is not one.
    #[error("the Sec-WebSocket-Key is no key")]
    WebSocketKey,
    /// A page of another server wants to open a WebSocket.
    #[error("pages of {origin:?} may not open a WebSocket here")]
    Origin { origin: String },
    /// No build has this id.
    #[error("there is no build {0}")]
    NoSuchBuild(BuildId),
    /// No upload has this id.
    #[error("there is no upload {0}")]
    NoSuchUpload(UploadId),
    /// A build names an upload that there is not.
    #[error("there is no upload {0}")]
    UploadNamed(UploadId),
    /// No host has this name.
    #[error("there is no host {0}")]
    NoSuchHost(HostName),
    /// No trigger has this name or id.
    #[error("there is no trigger {0}")]
    NoSuchTrigger(String),
    /// Another trigger has this name.
    #[error("there is a trigger {0} already")]
    TriggerNamed(String),
    /// What is to be changed is not the database's.
    #[error("the trigger {0} is in the settings file")]
    TriggerInSettings(String),
    /// A delivery of a forge has no signature.
    #[error("the delivery is not signed")]
    Unsigned { header: &'static str },
    /// A delivery of a forge is signed with another secret.
    #[error("the delivery is signed by nobody that is known here")]
    WronglySigned,
    /// No try to tell a follower has this id.
    #[error("there is no delivery {0}")]
    NoSuchDelivery(DeliveryId),
    /// What is to be sent again would go to an address that is gone.
    #[error("the address of this follower was erased")]
    AddressErased,
    /// A log is no message that could be sent again.
    #[error("a log is streamed, and goes on by itself where it was broken off")]
    LogResend,
    /// What is to be repeated had followers whose addresses are gone.
    #[error("the addresses of this build's followers were erased")]
    FollowersErased,
    /// The idempotency key belongs to another request.
    #[error("this Idempotency-Key came with another request before")]
    KeyTaken,
    /// The name that the sender chose stands for a build that is under way.
    #[error("a build of this name is under way")]
    NameTaken,
    /// What is to be stopped is over.
    #[error("the build is over: {}", BuildState::Finished(*.0))]
    Over(Outcome),
    /// What is to be stopped is done but for the purge.
    #[error("it is too late to stop the build: only its host is being cleaned up")]
    TooLate,
    /// What is to be repeated is not over.
    #[error("the build is not over: {0}")]
    NotOver(BuildState),
    /// What is to be repeated needs logins or other secrets. Which, is not known of builds of
    /// a former release.
    #[error("{} of this build were erased when it ended", erased(missing))]
    LoginsErased { missing: Vec<String> },
    /// What is to be repeated needs an upload that is gone.
    #[error("the upload of this build is gone")]
    UploadGone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an envelope has to say.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: ErrorBody,
    /// Methods that the path knows, after a wrong one.
    allow: Option<String>,
}

impl Error {
    /// What is to be said about this, in any envelope. Logs what is not the sender's doing.
    pub(crate) fn answer(&self) -> Answer {
        use StatusCode as S;

        let say = |status, code| Answer::new(status, code, self.to_string());
        match self {
            Self::EmptyBody => say(S::BAD_REQUEST, "empty_body")
                .hint("send what this path asks for as the body of the request"),
            Self::Malformed { .. } => say(S::BAD_REQUEST, "malformed_body"),
            Self::Field(error) => {
                let answer = Answer::new(S::BAD_REQUEST, "invalid_field", error.message.as_str());
                answer.field(error.field.as_str()).hint_if(error.hint.as_deref())
            }
            Self::UnknownField { field, known } => {
                let hint = known.as_ref().map(|known| format!("the fields are {known}"));
                say(S::BAD_REQUEST, "unknown_field").field(field).hint_if(hint.as_deref())
            }
            Self::UnknownParameter { name, known } => {
                let answer = say(S::BAD_REQUEST, "unknown_parameter").field(name);
                match known {
                    [] => answer.hint("this path takes no parameters"),
                    known => answer.hint(format!("the parameters are {}", known.join(", "))),
                }
            }
            Self::Encoding(_) => say(S::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding")
                .field("Content-Encoding")
                .hint("send the body as it is; a gzip archive needs no encoding header"),
            Self::NotAnArchive { .. } => say(S::BAD_REQUEST, "not_an_archive")
                .hint("send an archive as it is: tar cz . | curl -X POST -T - …"),
            Self::CutOff => say(S::BAD_REQUEST, "body_cut_off"),
            Self::TooSlow { .. } => say(S::REQUEST_TIMEOUT, "body_too_slow"),
            Self::TooLarge { .. } => say(S::PAYLOAD_TOO_LARGE, "too_large"),
            Self::NoSuchPath => {
                say(S::NOT_FOUND, "no_such_path").hint("see /docs for the paths there are")
            }
            Self::NotYet => {
                say(S::SERVICE_UNAVAILABLE, "unavailable").hint("send it again in a few seconds")
            }
            Self::WrongMethod { allow } => say(S::METHOD_NOT_ALLOWED, "wrong_method")
                .hint(format!("this path takes {allow}; see /docs"))
                .allow(allow),
            Self::NoWebSocket => say(S::UPGRADE_REQUIRED, "not_a_websocket")
                .hint("open it as ws://… or wss://…; proxies must pass Upgrade and Connection on"),
            Self::WebSocketKey => say(S::BAD_REQUEST, "malformed_handshake"),
            Self::Origin { .. } => say(S::FORBIDDEN, "origin_refused")
                .field("Origin")
                .hint("the server's setting http.allowed_origins can allow it"),
            Self::NoSuchBuild(_) => say(S::NOT_FOUND, "no_such_build"),
            Self::NoSuchUpload(_) => say(S::NOT_FOUND, "no_such_upload"),
            Self::UploadNamed(_) => say(S::BAD_REQUEST, "no_such_upload").field("source.id").hint(
                "take the id from the answer of POST /api/v2/uploads; an upload belongs to \
                     the project that it was sent for, and is removed when nothing used it for \
                     a while",
            ),
            Self::NoSuchHost(_) => say(S::NOT_FOUND, "no_such_host"),
            Self::NoSuchTrigger(_) => say(S::NOT_FOUND, "no_such_trigger"),
            Self::TriggerNamed(_) => say(S::CONFLICT, "trigger_exists").field("name"),
            Self::TriggerInSettings(_) => say(S::CONFLICT, "trigger_in_settings")
                .hint("change it there, under [[triggers]], and start the servers again"),
            Self::Unsigned { header } => say(S::UNAUTHORIZED, "unsigned")
                .field(*header)
                .hint("give the webhook a secret at the forge, and the same to a trigger here"),
            Self::WronglySigned => say(S::UNAUTHORIZED, "wrongly_signed").hint(
                "the webhook's secret must be that of a trigger, or the forge's in [webhooks] \
                 of the settings",
            ),
            Self::NoSuchDelivery(_) => say(S::NOT_FOUND, "no_such_delivery"),
            Self::AddressErased => say(S::CONFLICT, "address_erased")
                .hint("addresses are kept for followers.keep_days of the settings"),
            Self::LogResend => {
                say(S::CONFLICT, "log_resend").hint("GET /api/v2/builds/{id}/logs has all of it")
            }
            Self::FollowersErased => say(S::CONFLICT, "followers_erased")
                .field("followers")
                .hint("send them again in the body of the retry; [] for none"),
            Self::KeyTaken => say(S::CONFLICT, "idempotency_key_taken")
                .field("Idempotency-Key")
                .hint("take a new key for a new request"),
            Self::NameTaken => {
                say(S::CONFLICT, "name_taken").hint("wait for its end, or stop it first")
            }
            Self::Over(_) => say(S::CONFLICT, "already_over"),
            Self::TooLate => say(S::CONFLICT, "too_late"),
            Self::NotOver(_) => {
                say(S::CONFLICT, "not_over").hint("wait for its end, or cancel it first")
            }
            Self::LoginsErased { missing } => {
                let answer = say(S::CONFLICT, "logins_erased");
                match missing.first() {
                    Some(first) => answer.field(first).hint(
                        "send them again in the body of the retry; source_url is the whole \
                         address of the source, with a query and a login where it has them",
                    ),
                    None => answer.hint(
                        "send them again in the body of the retry, as registry_auth, secrets, \
                         ssh, source_auth and source_url",
                    ),
                }
            }
            Self::UploadGone => say(S::CONFLICT, "upload_gone")
                .hint("send the context again and submit a new build"),
            Self::Store(error) => store_failed(error),
        }
    }
}

/// Secrets by their fields, a few of many.
fn erased(missing: &[String]) -> String {
    const MOST: usize = 5;
    let named = missing.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match missing.len() {
        0 => "the logins, secrets and ssh keys".to_owned(),
        1..=MOST => named,
        all => format!("{named} and {} more", all - MOST),
    }
}

/// The store's failures are not the sender's doing: they are logged here, and told
/// without their causes.
fn store_failed(error: &StoreError) -> Answer {
    use StatusCode as S;

    let answer = match error {
        StoreError::Full(_) => {
            Answer::new(S::INSUFFICIENT_STORAGE, "disk_full", "the server's disk is full")
                .hint("nothing was kept; send it again once there is room")
        }
        StoreError::Unavailable(_) => {
            Answer::new(S::SERVICE_UNAVAILABLE, "unavailable", "the server's store does not answer")
                .hint("send it again in a few seconds")
        }
        StoreError::Refused { .. } => Answer::new(
            S::SERVICE_UNAVAILABLE,
            "uploads_refused",
            "the server cannot get at its uploads",
        )
        .hint("tell whoever runs the server: its log and its /health say why"),
        StoreError::LogAway { .. } => Answer::new(
            S::SERVICE_UNAVAILABLE,
            "log_away",
            "the log is in the server's blob store, which does not give it now",
        )
        .hint("ask again in a few seconds; nothing of it is lost"),
        StoreError::LogMissing(_) => Answer::new(
            S::GONE,
            "log_missing",
            "the log was moved to the server's blob store, and is not there any more",
        )
        .hint("tell whoever runs the server: it may be in a backup"),
        StoreError::LeaseLost(_)
        | StoreError::Corrupt { .. }
        | StoreError::Sealed { .. }
        | StoreError::SealedFollower { .. }
        | StoreError::SealedTrigger { .. }
        | StoreError::Database(_)
        | StoreError::Blobs(_)
        | StoreError::Settings(_)
        | StoreError::Migrate(_) => {
            Answer::new(S::INTERNAL_SERVER_ERROR, "internal", "the server failed; its log says why")
        }
    };
    let status = answer.status.as_u16();
    tracing::error!(status, "the store failed a request: {}", with_causes(error));
    answer
}

/// An error and what led to it, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Answer {
    fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let body =
            ErrorBody { code: code.into(), message: message.into(), field: None, hint: None };
        Self { status, body, allow: None }
    }

    fn field(mut self, field: impl Into<String>) -> Self {
        self.body.field = Some(field.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    fn hint_if(self, hint: Option<&str>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    fn allow(mut self, allow: &str) -> Self {
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

/// The native envelope.
impl ResponseError for Error {
    fn error_response(&self) -> HttpResponse {
        let answer = self.answer();
        answer.begin().json(ErrorView { error: answer.body })
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}

impl From<PayloadError> for Error {
    fn from(error: PayloadError) -> Self {
        if let PayloadError::Io(error) = &error
            && error.kind() == std::io::ErrorKind::TimedOut
        {
            return Self::TooSlow { seconds: crate::body::PATIENCE.as_secs() };
        }
        // Incomplete, and every other way in which a connection can end.
        Self::CutOff
    }
}
