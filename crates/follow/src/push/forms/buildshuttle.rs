//! buildshuttle's words, as it was documented.

use serde_json::{Value, json};
use slipway_domain::{BuildState, Event, Outcome};

use super::{Message, is_acceptance};

/// `pending` and `queued` when it is accepted, then one end state. `building` says that it is
/// not over.
pub(super) fn messages(
    event: &Event,
    status: BuildState,
    metadata: Option<&Value>,
) -> Vec<Message> {
    let message = |word: &str| {
        Message::json(&json!({
            "id": metadata,
            "type": "buildshuttle",
            "building": !status.is_finished(),
            "status": word,
        }))
    };
    match status {
        BuildState::Queued if is_acceptance(event, status) => {
            vec![message("pending"), message("queued")]
        }
        // Back in line: it has said so before.
        BuildState::Queued | BuildState::Running(_) => Vec::new(),
        BuildState::Finished(Outcome::Succeeded) => vec![message("succeeded")],
        BuildState::Finished(Outcome::TimedOut) => vec![message("timedout")],
        BuildState::Finished(Outcome::Failed | Outcome::Cancelled) => vec![message("failed")],
    }
}
