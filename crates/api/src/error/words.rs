//! Status, code and advice of each error.

use actix_web::http::StatusCode;

use super::store::store_failed;
use super::{Answer, Error};

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
            Self::TooLarge { what, .. } => {
                say(S::PAYLOAD_TOO_LARGE, "too_large").hint(match *what {
                    "upload" => {
                        "leave out what the build does not need; the server's setting for \
                             uploads is limits.context_bytes"
                    }
                    _ => {
                        "give a large build context by its address, or as an upload \
                      (POST /api/v2/uploads)"
                    }
                })
            }
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
            Self::Origin { setting, .. } => say(S::FORBIDDEN, "origin_refused")
                .field("Origin")
                .hint(format!("the server's setting {setting} can allow it")),
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
