//! `GET /{app}-{app_uuid}/{number}/status`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use slipway_domain::{BuildState, Outcome};

use super::{Refusal, paths};
use crate::Api;

#[derive(Serialize)]
struct Status {
    id: i64,
    /// Whether it is not over. What the old service had accepted ran at once, so that whoever
    /// waits for this to be `false` takes it for the end.
    building: bool,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Where a build stands.
pub(crate) async fn status(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let (id, build) = paths::build(&req, &api).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-cache")).json(Status {
        id,
        building: !build.state.is_finished(),
        status: word(build.state),
        kind: "buildshuttle",
    }))
}

/// The words that the old clients know.
const fn word(state: BuildState) -> &'static str {
    match state {
        BuildState::Queued | BuildState::Running(_) => "pending",
        BuildState::Finished(Outcome::Succeeded) => "succeeded",
        BuildState::Finished(Outcome::Failed | Outcome::TimedOut) => "failed",
        BuildState::Finished(Outcome::Cancelled) => "stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_word() {
        let words: Vec<String> =
            BuildState::ALL.into_iter().map(|state| format!("{state}: {}", word(state))).collect();
        insta::assert_snapshot!(words.join("\n"), @"
        queued: pending
        preparing: pending
        building: pending
        pushing: pending
        purging: pending
        succeeded: succeeded
        failed: failed
        cancelled: stopped
        timed_out: failed
        ");
    }
}
