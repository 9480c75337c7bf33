//! `POST /api/v2/builds`.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{AcceptedView, ErrorView, SubmitBuild};
use slipway_domain::{BuildSpecDraft, FieldError, check_arg_names};
use slipway_store::builds::Build;

use super::{followers, source, view};
use crate::error::Error;
use crate::intake::{self, Accepted, Key, Order};
use crate::secrets::{self, Brought};
use crate::{Api, body, json, request_log, warnings};

/// Submit a build
///
/// Answers as soon as the build is written down; it survives whatever happens then.
/// `links.events` and `links.logs` of the answer tell how it goes on.
#[utoipa::path(
    post, path = "/api/v2/builds", tag = "builds", operation_id = "submit_build",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "1 to 255 visible ASCII characters, for repeating a request safely: the \
            same key with the same body in the same project is the same build, and answered \
            with `Idempotency-Replayed: true`; with another body it is refused")),
    request_body(content = SubmitBuild, description = "Read whatever its Content-Type says"),
    responses(
        (status = 202, description = "It is in line; `warnings` tell of what the request should \
            better not have, such as secrets among its arguments", body = AcceptedView,
            headers(("Location" = String, description = "Path of the build"),
                ("Idempotency-Replayed" = Option<String>,
                    description = "`true` where the same request came before"))),
        (status = 400, description = "The body is wrong; `field` says where", body = ErrorView),
        (status = 409, description = "The key came with another request", body = ErrorView),
        (status = 413, description = "The body is too large", body = ErrorView),
        (status = 507, description = "The server's disk is full", body = ErrorView),
    )
)]
pub(crate) async fn submit(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let key = key(&req)?;
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let order = Arc::new(Order { key, ..order(&api, json::parse(&body)?)? });
    answer(&req, &order, intake::submit(&api, &order).await?)
}

/// The answer to whatever was accepted.
pub(super) fn answer(
    req: &HttpRequest,
    order: &Order,
    accepted: Accepted,
) -> Result<HttpResponse, Error> {
    let view = |build: Build| AcceptedView {
        build: view::build(build, None),
        warnings: warnings::of(&order.spec, &order.secrets),
    };
    let begin = |build: &Build| {
        request_log::concerns(req, build.id);
        let mut response = HttpResponse::Accepted();
        response.insert_header((header::LOCATION, view::location(build)));
        response
    };
    Ok(match accepted {
        Accepted::New(build) => begin(&build).json(view(build)),
        Accepted::Before(build) => {
            begin(&build).insert_header(("Idempotency-Replayed", "true")).json(view(build))
        }
    })
}

/// The sender's key for repeating the request, if any.
pub(super) fn key(req: &HttpRequest) -> Result<Option<Key>, Error> {
    let mut values = req.headers().get_all("Idempotency-Key");
    let value = values.next();
    if values.next().is_some() {
        return Err(FieldError::new("Idempotency-Key", "is there twice; send one").into());
    }
    value.map(|value| Key::parse(value.as_bytes())).transpose()
}

fn order(api: &Api, asked: SubmitBuild) -> Result<Order, Error> {
    let followers = followers::read(asked.followers)?;
    check_arg_names(&asked.args)?;
    let mut args = asked.args;
    let (source, source_secrets) = source::read_or_fill(asked.source, &api.templates, &mut args)?;
    let draft = BuildSpecDraft {
        dockerfile: asked.dockerfile,
        args,
        labels: asked.labels,
        target: asked.target,
        platform: asked.platform,
        no_cache: asked.no_cache,
        pull: asked.pull,
        push: asked.push,
        project: asked.project,
        metadata: asked.metadata,
        timeout_seconds: asked.timeout_seconds,
        priority: asked.priority,
        queue_timeout_seconds: asked.queue_timeout_seconds,
        supersede_key: asked.supersede_key,
        ..BuildSpecDraft::new(asked.image, source)
    };
    let secrets = secrets::check(Brought {
        registry_auth: asked.registry_auth,
        secrets: asked.secrets,
        ssh: asked.ssh,
        source: source_secrets,
    })?;
    Ok(Order { followers, ..Order::check(draft, secrets)? })
}
