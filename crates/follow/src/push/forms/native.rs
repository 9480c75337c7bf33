//! Slipway's own words: the build as the API shows it.

use slipway_domain::{BuildState, Event};
use slipway_store::builds::Build;

use super::super::Show;
use super::super::as_of::as_of;
use super::Message;

/// `{"type": "build.<status>", "timestamp", "seq", "data": <the build>}`, the frame that
/// Standard Webhooks recommends.
pub(super) fn message(
    event: &Event,
    status: BuildState,
    note: Option<&str>,
    build: &Build,
    show: &Show,
) -> Message {
    let mut body = serde_json::json!({
        "type": format!("build.{status}"),
        "timestamp": event.at,
        "seq": event.seq,
        "data": show(as_of(build, event)),
    });
    if let (Some(note), Some(body)) = (note, body.as_object_mut()) {
        body.insert("note".into(), note.into());
    }
    Message::json(&body)
}
