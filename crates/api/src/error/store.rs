//! What is said of a store that failed, and what is logged of it.

use actix_web::http::StatusCode;
use slipway_store::StoreError;

use super::Answer;

/// The store's failures are not the sender's doing: they are logged here, and told
/// without their causes.
pub(super) fn store_failed(error: &StoreError) -> Answer {
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
        StoreError::Refused { .. } | StoreError::OtherBlobs(_) => Answer::new(
            S::SERVICE_UNAVAILABLE,
            "uploads_refused",
            "the server cannot get at its uploads",
        )
        .hint("tell whoever runs the server: its log and its /health say why"),
        StoreError::LogAway { build, .. } => Answer::new(
            S::SERVICE_UNAVAILABLE,
            "log_away",
            format!(
                "the log of build {build} is in the server's blob store, which does not give it now"
            ),
        )
        .hint("ask again in a few seconds; nothing of it is lost"),
        StoreError::LogMissing(build) => Answer::new(
            S::GONE,
            "log_missing",
            format!(
                "the log of build {build} was moved to the server's blob store, and is not there \
                 any more"
            ),
        )
        .hint("tell whoever runs the server: it may be in a backup"),
        StoreError::LogDamaged { build, .. } => Answer::new(
            S::GONE,
            "log_damaged",
            format!(
                "the log of build {build} was moved to the server's blob store, and is damaged there"
            ),
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
    if error.is_logged() {
        return answer;
    }
    let status = answer.status.as_u16();
    tracing::error!(status, "the store failed a request: {}", with_causes(error));
    answer
}

/// An error and what led to it, on one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
