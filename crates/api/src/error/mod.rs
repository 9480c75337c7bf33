//! The one vocabulary of errors.
//!
//! Handlers of every dialect fail in these words; each envelope renders what
//! [`Error::answer`] makes of them. Causes are logged there, once, and never shown.

mod answer;
mod store;
mod words;

use actix_web::error::PayloadError;
use actix_web::{HttpResponse, ResponseError};
use slipway_api_types::ErrorView;
use slipway_domain::{BuildId, BuildState, DeliveryId, FieldError, HostName, Outcome, UploadId};
use slipway_store::StoreError;
use thiserror::Error;

pub(crate) use self::answer::Answer;
pub(crate) use self::store::with_causes;

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
    Origin { origin: String, setting: &'static str },
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
