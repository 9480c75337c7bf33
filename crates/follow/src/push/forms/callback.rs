//! buildshuttle's words, as it was shipped.

use serde_json::json;
use slipway_domain::{BuildState, Event, Outcome};

use super::{Message, is_acceptance};

/// `pending`, then one end state. `building` is `false` in each of them: its clients know no
/// other.
pub(super) fn messages(event: &Event, status: BuildState, number: i64) -> Vec<Message> {
    let word = match status {
        BuildState::Queued if is_acceptance(event, status) => "pending",
        BuildState::Queued | BuildState::Running(_) => return Vec::new(),
        BuildState::Finished(Outcome::Succeeded) => "succeeded",
        BuildState::Finished(Outcome::Failed | Outcome::TimedOut | Outcome::Cancelled) => "failed",
    };
    vec![Message::json(&json!({
        "id": number,
        "status": word,
        "building": false,
        "type": "buildshuttle",
    }))]
}
