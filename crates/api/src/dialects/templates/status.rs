//! How a build stands, in the words of the templates' service.

use chrono::{DateTime, Utc};
use serde::Serialize;
use slipway_domain::{BuildState, Outcome, Stage};
use slipway_store::builds::Build;
use uuid::Uuid;

/// A build without its log, which is sent after it.
#[derive(Serialize)]
pub(super) struct Standing {
    build_id: Uuid,
    status: &'static str,
    message: String,
    image_name: String,
    started_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl Standing {
    pub(super) fn of(build: &Build) -> Self {
        Self {
            build_id: build.id.as_uuid(),
            status: word(build.state),
            message: message(build),
            image_name: build.spec.image.to_string(),
            started_at: build.created_at,
            completed_at: build.timings.finished_at,
        }
    }
}

/// The words that the old clients wait for.
pub(super) const fn word(state: BuildState) -> &'static str {
    match state {
        BuildState::Queued => "pending",
        BuildState::Running(
            Stage::Preparing | Stage::Building | Stage::Pushing | Stage::Purging,
        ) => "building",
        BuildState::Finished(Outcome::Succeeded) => "success",
        BuildState::Finished(Outcome::Failed | Outcome::TimedOut | Outcome::Cancelled) => "failed",
    }
}

/// The same for people. An image that goes to no registry is said to, from the beginning.
fn message(build: &Build) -> String {
    let kept = match build.spec.push {
        true => "",
        false => "; no registry is named, so the image will stay on the Docker host",
    };
    match build.state {
        BuildState::Queued => format!("Build is waiting{kept}"),
        BuildState::Running(Stage::Preparing) => format!("Preparing the build{kept}"),
        BuildState::Running(Stage::Building) => format!("Building the image{kept}"),
        BuildState::Running(Stage::Pushing) => "Pushing the image".to_owned(),
        BuildState::Running(Stage::Purging) => "Cleaning up".to_owned(),
        BuildState::Finished(Outcome::Succeeded) => match (&build.digest, &build.host) {
            (Some(digest), _) => format!("Build completed; the image is pushed as {digest}"),
            (None, Some(host)) => {
                format!(
                    "Build completed; the image is not pushed, it stays on the Docker host {host}"
                )
            }
            (None, None) => "Build completed; the image is not pushed".to_owned(),
        },
        BuildState::Finished(Outcome::Failed) => match &build.failure {
            Some(failure) => format!("Build failed: {failure}"),
            None => "Build failed: no reason was given".to_owned(),
        },
        BuildState::Finished(Outcome::TimedOut) => "Build failed: timed out".to_owned(),
        BuildState::Finished(Outcome::Cancelled) => "Build failed: cancelled".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_word() {
        let words: Vec<String> =
            BuildState::ALL.into_iter().map(|state| format!("{state}: {}", word(state))).collect();
        insta::assert_snapshot!(words.join("\n"), @r"
        queued: pending
        preparing: building
        building: building
        pushing: building
        purging: building
        succeeded: success
        failed: failed
        cancelled: failed
        timed_out: failed
        ");
    }
}
