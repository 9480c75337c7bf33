//! The status of a commit, as each forge takes it.
//!
//! GitHub: <https://docs.github.com/rest/commits/statuses>; Gitea and Forgejo took its form
//! over; GitLab: <https://docs.gitlab.com/api/commits/#set-commit-pipeline-status>.

use serde_json::json;
use slipway_domain::{BuildState, Event, EventBody, Fault, Forge, Outcome, Stage};
use slipway_store::builds::Build;

use super::Message;

/// GitHub takes so many characters of a description.
const DESCRIPTION_CHARS: usize = 140;

const GITHUB_HEADERS: [(&str, &str); 2] =
    [("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")];

/// A status for a change of state; pushing and purging are none that anybody waits for.
pub(super) fn message(
    forge: Forge,
    context: &str,
    link: Option<&str>,
    event: &Event,
    status: BuildState,
    build: &Build,
) -> Option<Message> {
    let word = word(forge, event, status)?;
    let description: String = description(event, status, build)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DESCRIPTION_CHARS)
        .collect();
    let mut body = json!({ "state": word, "description": description, "context": context });
    if let (Some(link), Some(body)) = (link, body.as_object_mut()) {
        let link = link.replace("{build}", &build.id.to_string());
        body.insert("target_url".into(), link.into());
    }
    let mut message = Message::json(&body);
    match forge {
        Forge::Github => message.headers.extend(GITHUB_HEADERS),
        // It answers 400 to a state that the commit has already.
        Forge::Gitlab => {
            message.knows_already = |status, body| {
                status == 400 && String::from_utf8_lossy(body).contains("Cannot transition status")
            }
        }
        Forge::Gitea => {}
    }
    Some(message)
}

fn word(forge: Forge, event: &Event, status: BuildState) -> Option<&'static str> {
    let is_gitlab = forge == Forge::Gitlab;
    Some(match status {
        BuildState::Queued => "pending",
        BuildState::Running(Stage::Building) if is_gitlab => "running",
        BuildState::Running(Stage::Building) => "pending",
        BuildState::Running(Stage::Preparing | Stage::Pushing | Stage::Purging) => return None,
        BuildState::Finished(Outcome::Succeeded) => "success",
        BuildState::Finished(Outcome::Cancelled) if is_gitlab => "canceled",
        BuildState::Finished(_) if is_gitlab => "failed",
        BuildState::Finished(Outcome::Cancelled) => "error",
        BuildState::Finished(Outcome::Failed | Outcome::TimedOut) => match fault(event) {
            Some(Fault::Registry | Fault::Host | Fault::System) => "error",
            Some(Fault::User | Fault::Source) | None => "failure",
        },
    })
}

fn description(event: &Event, status: BuildState, build: &Build) -> String {
    let EventBody::State { failure, .. } = &event.body else { return String::new() };
    match (status, failure) {
        (BuildState::Queued, _) => "waits for a builder".to_owned(),
        (BuildState::Running(_), _) => format!("builds {}", build.spec.image),
        (BuildState::Finished(Outcome::Succeeded), _) => format!("built {}", build.spec.image),
        (BuildState::Finished(_), Some(failure)) => failure.message.clone(),
        (BuildState::Finished(outcome), None) => BuildState::Finished(outcome).to_string(),
    }
}

fn fault(event: &Event) -> Option<Fault> {
    match &event.body {
        EventBody::State { failure, .. } => failure.as_ref().map(slipway_domain::Failure::fault),
        EventBody::Step { .. } | EventBody::Log { .. } => None,
    }
}
