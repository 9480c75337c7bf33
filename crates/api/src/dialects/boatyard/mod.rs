//! boatyard, known as tutum-builder, boatyard and docker-builder.
//!
//! Its clients are a jQuery page that polls each second, curl, and scripts in CI. They
//! submit with `POST /api/v1/build`, as JSON or as a multipart form, and then ask for
//! `/api/v1/{job}/status` and `/api/v1/{job}/logs` until the status is neither `Building`
//! nor `Pushing`. The contract is in `docs/dialects/boatyard.md`.

mod envelope;
mod logs;
mod multipart;
mod request;

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use slipway_domain::{
    BuildId, BuildSpecDraft, BuildState, Credentials, FieldError, ImageRef, Outcome, Secrets,
    Source, Stage,
};
use slipway_store::builds::{self, Build};
use uuid::Uuid;

use envelope::Refusal;
pub(crate) use envelope::refuse;
use request::{Chosen, Fields};

use crate::error::Error;
use crate::intake::{self, Accepted, Order};
use crate::native::source;
use crate::receive::Received;
use crate::{Api, request_log};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Job {
    job_identifier: Uuid,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct JobStatus {
    status: String,
}

/// A request's body: its JSON has been read already, to see whose it is.
pub(crate) enum Brought {
    Form(web::Payload),
    Json(Bytes),
}

/// `POST /api/v1/build`.
pub(crate) async fn submit(
    req: &HttpRequest,
    api: &Api,
    brought: Brought,
) -> Result<HttpResponse, Refusal> {
    let (json, archive) = match brought {
        Brought::Form(payload) => multipart::read(req, payload, api).await?,
        Brought::Json(json) => (json, None),
    };
    let fields = Fields::parse(&json)?;
    let image = fields.image()?;
    let image_ref =
        ImageRef::parse(&image).map_err(|e| FieldError::new("image_name", e.to_string()))?;
    let mut secrets = fields.login()?.map_or_else(Secrets::default, |login: Credentials| Secrets {
        registry_auth: [(image_ref.registry().clone(), login)].into(),
        ..Secrets::default()
    });
    let (source, archive) = match fields.choose(archive)? {
        Chosen::Dockerfile(text) => (Source::dockerfile(text), None),
        Chosen::Archive(archive) => (Source::Upload { id: archive.id() }, Some(archive)),
        Chosen::Base64(text) => {
            let archive = request::decode(api, &text).await?;
            (Source::Upload { id: archive.id() }, Some(archive))
        }
        Chosen::Fetched(asked) => {
            let (source, found) = source::read(asked)?;
            secrets.source = found;
            (source, None)
        }
    };
    let order = Arc::new(Order::check(BuildSpecDraft::new(image, source), secrets)?);
    if let Some(archive) = archive {
        Received::keep(archive, &api.store, order.spec.project.clone()).await?;
    }
    let (Accepted::New(build) | Accepted::Before(build)) = intake::submit(api, &order).await?;
    request_log::concerns(req, build.id);
    Ok(HttpResponse::Ok().json(Job { job_identifier: build.id.as_uuid() }))
}

/// `GET /api/v1/{job}/status`.
pub(crate) async fn status(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let build = job(&req, &api).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .json(JobStatus { status: word(&build) }))
}

/// `GET /api/v1/{job}/logs`.
pub(crate) async fn logs(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let build = job(&req, &api).await?;
    Ok(logs::answer(&req, &api, &build).await?)
}

/// The words that the old clients wait for. They take anything else for an error.
fn word(build: &Build) -> String {
    match build.state {
        BuildState::Queued | BuildState::Running(Stage::Preparing | Stage::Building) => {
            "Building".into()
        }
        BuildState::Running(Stage::Pushing | Stage::Purging) => "Pushing".into(),
        BuildState::Finished(Outcome::Succeeded) => "Finished".into(),
        BuildState::Finished(Outcome::Failed) => match &build.failure {
            Some(failure) => format!("Failed: {failure}"),
            None => "Failed: no reason was given".into(),
        },
        BuildState::Finished(Outcome::TimedOut) => "Failed: timed out".into(),
        BuildState::Finished(Outcome::Cancelled) => "Failed: cancelled".into(),
    }
}

/// The job that the path names.
async fn job(req: &HttpRequest, api: &Api) -> Result<Build, Refusal> {
    let id = req.match_info().query("job").parse::<BuildId>().map_err(|_| Refusal::NoSuchJob)?;
    request_log::concerns(req, id);
    let build = builds::find(&api.store, id).await.map_err(Error::from)?;
    build.ok_or(Refusal::NoSuchJob)
}

/// Whether the body is a form.
pub(crate) fn is_multipart(req: &HttpRequest) -> bool {
    let kind = req.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/"))
}

#[cfg(test)]
mod tests {
    use slipway_domain::{Attempt, Failure, Reason};

    use super::*;

    #[test]
    fn every_state_has_its_word() {
        let words: Vec<String> = BuildState::ALL
            .into_iter()
            .map(|state| {
                let failed = state == BuildState::Finished(Outcome::Failed);
                let failure = failed.then(|| Failure::new(Reason::StepFailed, "make: Error 2"));
                format!("{state}: {}", word(&build(state, failure)))
            })
            .collect();
        insta::assert_snapshot!(words.join("\n"), @r#"
        queued: Building
        preparing: Building
        building: Building
        pushing: Pushing
        purging: Pushing
        succeeded: Finished
        failed: Failed: make: Error 2
        cancelled: Failed: cancelled
        timed_out: Failed: timed out
        "#);
    }

    fn build(state: BuildState, failure: Option<Failure>) -> Build {
        let source = Source::dockerfile("FROM scratch");
        let now = slipway_domain::now();
        Build {
            id: BuildId::generate(),
            spec: BuildSpecDraft::new("app", source).parse().unwrap(),
            state,
            attempt: Attempt(1),
            losses: 0,
            host: None,
            not_before: now,
            cancel_requested_at: None,
            created_at: now,
            timings: builds::Timings::default(),
            digest: None,
            failure,
            retry_of: None,
            had_secrets: false,
            last_seq: 1,
            round: 1,
            obstacle: None,
            superseded_by: None,
            source_commit: None,
        }
    }
}
