//! `POST /api/v2/builds/{id}/retry`.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{AcceptedView, ErrorView, RetryBuild};
use slipway_domain::Secret;

use super::{followers, path, source, submit};
use crate::error::Error;
use crate::intake::{self, Order};
use crate::secrets::{self, Brought};
use crate::{Api, body, json};

/// Retry a build
///
/// A new build of the same request; the old one stays as it ended. The logins, secrets and SSH
/// keys of the old one were erased when it ended: where it had some, send all of them again. A
/// retry takes the place of no newer build of its `supersede_key`. It is told to the followers of
/// the old one, as long as their addresses are kept, or to those that come with it.
#[utoipa::path(
    post, path = "/api/v2/builds/{id}/retry", tag = "builds", operation_id = "retry_build",
    params(
        ("id" = Uuid, Path, description = "The id of the build to repeat"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "As for a submission: a retry repeated is one retry"),
    ),
    request_body(content = Option<RetryBuild>, description = "May be left out"),
    responses(
        (status = 202, description = "The new build, with `retry_of`", body = AcceptedView,
            headers(("Location" = String, description = "Path of the new build"))),
        (status = 404, description = "There is no such build", body = ErrorView),
        (status = 409, description = "It is not over, its upload or the addresses of its \
            followers are gone, or the request lacks secrets that it had; `message` names them",
            body = ErrorView),
    )
)]
pub(crate) async fn retry(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let key = submit::key(&req)?;
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let brought: RetryBuild = match body.trim_ascii() {
        b"" | b"null" => RetryBuild::default(),
        body => json::parse(body)?,
    };
    let build = path::build(&req, &api).await?;
    if !build.state.is_finished() {
        return Err(Error::NotOver(build.state));
    }
    let url = brought.source_url.as_ref().map(Secret::expose);
    let source = source::again(&build.spec.source, brought.source_auth, url)?;
    let secrets = secrets::check(Brought {
        registry_auth: brought.registry_auth,
        secrets: brought.secrets,
        ssh: brought.ssh,
        source,
    })?;
    let missing = build.spec.secret_names.missing_in(&secrets);
    // A build of before their names were kept says no more than that it had some.
    if !missing.is_empty() || build.had_secrets && secrets.is_empty() {
        return Err(Error::LoginsErased { missing });
    }
    let followers = match brought.followers {
        Some(asked) => followers::read(asked)?,
        None => followers::again(&api, build.id).await?,
    };
    let order =
        Order { retry_of: Some(build.id), key, followers, ..Order::again(build.spec, secrets) };
    let order = Arc::new(order);
    submit::answer(&req, &order, intake::submit(&api, &order).await?)
}
