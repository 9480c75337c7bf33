//! In whose words a follower is told of a change of state.

mod buildshuttle;
mod callback;
mod commit_status;
mod native;

use slipway_domain::{BuildState, Event, EventBody, FollowerForm};
use slipway_store::builds::Build;

use super::Show;

/// What is posted to tell of one thing.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// JSON.
    pub(super) body: String,
    /// Headers that the receiver wants besides.
    pub(super) headers: Vec<(&'static str, &'static str)>,
    /// Whether an answer other than 2xx means all the same that the receiver knows.
    pub(super) knows_already: fn(u16, &[u8]) -> bool,
}

impl Message {
    fn json(body: &serde_json::Value) -> Self {
        Self { body: body.to_string(), headers: Vec::new(), knows_already: |_, _| false }
    }
}

/// What a follower of this form is sent for a change of state: nothing where its form has no
/// words for that.
pub(super) fn messages(
    form: &FollowerForm,
    event: &Event,
    build: &Build,
    show: &Show,
) -> Vec<Message> {
    let EventBody::State { status, note, .. } = &event.body else { return Vec::new() };
    match form {
        FollowerForm::Native => vec![native::message(event, *status, note.as_deref(), build, show)],
        FollowerForm::Buildshuttle { metadata, .. } => {
            buildshuttle::messages(event, *status, metadata.as_ref())
        }
        FollowerForm::Callback { build: number, .. } => callback::messages(event, *status, *number),
        FollowerForm::CommitStatus { forge, context, link } => {
            commit_status::message(*forge, context, link.as_deref(), event, *status, build)
                .into_iter()
                .collect()
        }
    }
}

/// Whether this is the first thing that there is to tell of a build: it was accepted.
fn is_acceptance(event: &Event, status: BuildState) -> bool {
    event.seq == 1 && status == BuildState::Queued
}
