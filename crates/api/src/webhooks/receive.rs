//! `POST /webhooks/github`, `/webhooks/gitea` and `/webhooks/gitlab`.

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use slipway_api_types::{ErrorView, WebhookAnswer};
use slipway_domain::{Forge, Secret, WebhookId};
use slipway_store::StoreError;
use slipway_store::webhooks::{self, Arrived, TakenIn};

use super::armed::signers;
use super::headers::{self, Headers};
use super::signature::{Proof, sha256};
use super::{Told, armed, payload};
use crate::error::Error;
use crate::{Api, body};

/// The largest delivery that GitHub sends.
const MAX_BODY: usize = 25 << 20;

/// A request as it comes in.
type Sent = (HttpRequest, web::Payload, web::Data<Api>);

/// What became of a request.
enum Received {
    Pong,
    Nothing,
    New(WebhookAnswer),
    Before(WebhookAnswer),
}

/// Take a delivery of GitHub
///
/// Signed by `X-Hub-Signature-256`, with the secret of a trigger or `webhooks.github_secret`.
/// Answered as soon as it is written down; what comes of it is in
/// `GET /api/v2/triggers/deliveries`.
#[utoipa::path(
    post, path = "/webhooks/github", tag = "webhooks", operation_id = "webhook_github",
    request_body(content = Object, description = "The event, as GitHub sends it: JSON, or a form \
        with the JSON as `payload`; at most 25 MiB"),
    responses(
        (status = 200, description = "`pong`, to a `ping`", body = String),
        (status = 202, description = "It is taken in; `Idempotency-Replayed: true` where it came \
            before", body = WebhookAnswer),
        (status = 204, description = "Nothing that a trigger could be for"),
        (status = 400, description = "It is signed, and cannot be read", body = ErrorView),
        (status = 401, description = "It is not signed, or not by anybody known", body = ErrorView),
        (status = 413, description = "It is larger than 25 MiB", body = ErrorView),
    )
)]
pub(crate) async fn github(sent: Sent) -> Result<HttpResponse, Error> {
    receive(Forge::Github, sent).await
}

/// Take a delivery of Gitea or Forgejo
///
/// As GitHub's, signed by `X-Gitea-Signature`.
#[utoipa::path(
    post, path = "/webhooks/gitea", tag = "webhooks", operation_id = "webhook_gitea",
    request_body(content = Object, description = "The event, as Gitea sends it"),
    responses(
        (status = 202, description = "It is taken in", body = WebhookAnswer),
        (status = 204, description = "Nothing that a trigger could be for"),
        (status = 401, description = "It is not signed, or not by anybody known", body = ErrorView),
    )
)]
pub(crate) async fn gitea(sent: Sent) -> Result<HttpResponse, Error> {
    receive(Forge::Gitea, sent).await
}

/// Take a delivery of GitLab
///
/// As GitHub's, with the secret itself in `X-Gitlab-Token`.
#[utoipa::path(
    post, path = "/webhooks/gitlab", tag = "webhooks", operation_id = "webhook_gitlab",
    request_body(content = Object, description = "The event, as GitLab sends it"),
    responses(
        (status = 202, description = "It is taken in", body = WebhookAnswer),
        (status = 204, description = "Nothing that a trigger could be for"),
        (status = 401, description = "The token is nobody's", body = ErrorView),
    )
)]
pub(crate) async fn gitlab(sent: Sent) -> Result<HttpResponse, Error> {
    receive(Forge::Gitlab, sent).await
}

async fn receive(forge: Forge, sent: Sent) -> Result<HttpResponse, Error> {
    let received = take(forge, sent).await;
    let outcome = match &received {
        Ok(Received::New(answer)) if answer.reason.is_none() => "accepted",
        Ok(Received::New(_) | Received::Nothing | Received::Pong) => "ignored",
        Ok(Received::Before(_)) => "replayed",
        Err(_) => "refused",
    };
    metrics::counter!("slipway_webhook_deliveries_total",
        "forge" => forge.as_str(), "outcome" => outcome)
    .increment(1);
    Ok(match received? {
        Received::Pong => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("pong"),
        Received::Nothing => HttpResponse::NoContent().finish(),
        Received::New(answer) => HttpResponse::Accepted().json(answer),
        Received::Before(answer) => {
            HttpResponse::Accepted().insert_header(("Idempotency-Replayed", "true")).json(answer)
        }
    })
}

async fn take(forge: Forge, (req, payload, api): Sent) -> Result<Received, Error> {
    // Who has nothing to show is not listened to.
    let proof = Proof::of(forge, &req)?;
    let body = body::read(&req, payload, MAX_BODY).await?;
    let armed = armed(&api).await?;
    let signers = signers(forge, &armed, &api.webhooks);
    if signers.is_empty() {
        tracing::warn!(
            forge = forge.as_str(),
            "a webhook came, and neither a trigger nor the settings have a secret for it"
        );
    }
    let occasion = headers::occasion(forge, &req);
    let (signed_for, sha256) = check(&api, proof, signers, occasion, body.clone()).await?;
    let signed_for = signed_for.ok_or(Error::WronglySigned)?;
    let names = Headers::of(forge);
    let event = headers::value(&req, names.event)?;
    let json = payload::json(&body, headers::is_form(&req))?;
    let (happening, ignored) = match payload::read(forge, &event, &json)? {
        Told::Ping => return Ok(Received::Pong),
        Told::Nothing => return Ok(Received::Nothing),
        Told::Happened { happening, ignored } => (happening, ignored),
    };
    // A proxy may have dropped the name; the body stands for itself then.
    let delivery = headers::value(&req, names.delivery).unwrap_or_else(|_| sha256.clone());
    let arrived = Arrived {
        id: WebhookId::generate(),
        forge,
        delivery,
        body_sha256: sha256,
        event: happening.what.event().as_str().to_owned(),
        repository: happening.repository.to_string(),
        reference: happening.what.reference().replace('\0', ""),
        happening: ignored.map_or(Ok(happening), Err),
        signed_for,
    };
    Ok(match webhooks::take_in(&api.store, &arrived, api.store.now()).await? {
        TakenIn::New => {
            api.webhooks.taken_in.notify_one();
            tracing::info!(
                webhook.id = %arrived.id,
                forge = forge.as_str(),
                repository = arrived.repository,
                event = arrived.event,
                "a delivery is taken in"
            );
            Received::New(answer(arrived.id, arrived.happening.err()))
        }
        TakenIn::Before(before) => {
            let reason = match (before.happening, before.outcome) {
                (None, Some(webhooks::Outcome::Ignored { reason })) => Some(reason),
                (Some(_) | None, _) => None,
            };
            Received::Before(answer(before.id, reason))
        }
    })
}

fn answer(id: WebhookId, reason: Option<String>) -> WebhookAnswer {
    let status = if reason.is_some() { "ignored" } else { "accepted" };
    WebhookAnswer { id: id.as_uuid(), status: status.into(), reason }
}

/// Checks the signature and names the body, on a thread that may take its time for 25 MiB.
async fn check(
    api: &Api,
    proof: Proof,
    signers: Vec<(Secret, Vec<String>)>,
    occasion: String,
    body: Bytes,
) -> Result<(Option<Vec<String>>, String), Error> {
    let work = move || (proof.signed_for(signers, &body), sha256(&occasion, &body));
    api.runtime
        .spawn_blocking(work)
        .await
        // The process is ending.
        .map_err(|error| StoreError::Unavailable(error.into()).into())
}
