//! `GET /api/v2/triggers/deliveries`: what forges have told, and what became of it.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{ErrorView, FiredView, WebhookList, WebhookView};
use slipway_domain::{BuildId, FieldError, WebhookId};
use slipway_store::webhooks::{self, Delivery, Fired, Outcome};
use uuid::Uuid;

use crate::Api;
use crate::error::Error;
use crate::params::Params;

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 500;

/// List deliveries
///
/// What forges have told, newest first, and what each trigger made of it. They are kept for
/// `webhooks.keep_days`.
#[utoipa::path(
    get, path = "/api/v2/triggers/deliveries", tag = "triggers",
    operation_id = "list_deliveries_of_forges",
    params(
        ("limit" = Option<u16>, Query, description = "At most so many, 1 to 500; 50 if nothing \
            is said"),
        ("before" = Option<Uuid>, Query, description = "`next_before` of the page before"),
    ),
    responses(
        (status = 200, description = "The deliveries", body = WebhookList),
        (status = 400, description = "A parameter is wrong", body = ErrorView),
    )
)]
pub(crate) async fn list(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let params = Params::read(&req, &["limit", "before"])?;
    let limit = match params.get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
            limit.ok_or_else(|| {
                FieldError::new("limit", format!("must be a whole number from 1 to {MAX_LIMIT}"))
            })?
        }
    };
    let before = match params.get("before") {
        None => None,
        Some(text) => Some(WebhookId::from_uuid(Uuid::parse_str(text).map_err(|_| {
            FieldError::new("before", "is not one of ours")
                .hint("give next_before of the page before, as it is")
        })?)),
    };
    let mut found = webhooks::list(&api.store, before, limit + 1).await?;
    let more = found.len() > usize::from(limit);
    found.truncate(limit.into());
    let last = found.last().map(|delivery| delivery.id.as_uuid());
    let deliveries = found.into_iter().map(view).collect();
    Ok(HttpResponse::Ok().json(WebhookList { deliveries, next_before: last.filter(|_| more) }))
}

fn view(delivery: Delivery) -> WebhookView {
    let (status, reason, triggers) = match delivery.outcome {
        None => ("waiting", None, Vec::new()),
        Some(Outcome::Ignored { reason }) => ("ignored", Some(reason), Vec::new()),
        Some(Outcome::Worked { triggers }) => ("worked", None, triggers),
    };
    WebhookView {
        id: delivery.id.as_uuid(),
        forge: delivery.forge.as_str().into(),
        delivery: delivery.delivery,
        event: delivery.event,
        repository: delivery.repository,
        r#ref: delivery.reference,
        received_at: delivery.received_at,
        status: status.into(),
        reason,
        worked_at: delivery.worked_at,
        triggers: triggers.into_iter().map(fired).collect(),
    }
}

fn fired(fired: Fired) -> FiredView {
    let build = fired.build.map(BuildId::as_uuid);
    FiredView { trigger: fired.trigger, build, reason: fired.reason }
}
