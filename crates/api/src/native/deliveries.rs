//! What became of telling followers: `/api/v2/builds/{id}/deliveries` and
//! `/api/v2/deliveries/…`.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{
    DeliveryList, DeliveryMessage, DeliveryView, ErrorView, ResendSince, Resending,
};
use slipway_domain::{BuildId, DeliveryId, FieldError, Project};
use slipway_queue::News;
use slipway_store::builds;
use slipway_store::followers::{self, AskedAgain, Delivery, Whose};

use super::path;
use crate::error::Error;
use crate::params::Params;
use crate::{Api, body, json};

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;

/// List tries to tell followers of a build
///
/// Newest first, a page at a time. They are kept for `followers.keep_days` of the settings.
#[utoipa::path(
    get, path = "/api/v2/builds/{id}/deliveries", tag = "followers",
    operation_id = "list_deliveries",
    params(
        ("id" = Uuid, Path, description = "The build's id"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "How many on a page; 50 where nothing is said"),
    ),
    responses(
        (status = 200, description = "A page of tries", body = DeliveryList),
        (status = 400, description = "A parameter is wrong or unknown", body = ErrorView),
        (status = 404, description = "There is no such build", body = ErrorView),
    )
)]
pub(crate) async fn list(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let params = Params::read(&req, &["cursor", "limit"])?;
    let limit = limit(&params)?;
    let before = params.get("cursor").map(cursor).transpose()?;
    let build = path::build(&req, &api).await?;
    let mut deliveries = followers::deliveries(&api.store, build.id, before, limit + 1).await?;
    let more = deliveries.len() > usize::from(limit);
    deliveries.truncate(usize::from(limit));
    let next_cursor = deliveries.last().filter(|_| more).map(|last| last.id.to_string());
    let deliveries = deliveries.into_iter().map(view).collect();
    Ok(HttpResponse::Ok().json(DeliveryList { deliveries, next_cursor }))
}

/// Send a message again
///
/// The message of this try, under the same `webhook-id`, once: what becomes of it is another try
/// in the list. Its body says how the build was then, as before.
#[utoipa::path(
    post, path = "/api/v2/deliveries/{id}/resend", tag = "followers", operation_id = "resend",
    params(("id" = Uuid, Path, description = "The id of a try")),
    responses(
        (status = 202, description = "It is sent", body = Resending),
        (status = 404, description = "There is no such try", body = ErrorView),
        (status = 409, description = "The address of its follower was erased, or it is a log's", body = ErrorView),
    )
)]
pub(crate) async fn resend(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    Params::read(&req, &[])?;
    let id = path::try_id(&req)?;
    let delivery = followers::delivery(&api.store, id).await?.ok_or(Error::NoSuchDelivery(id))?;
    match followers::ask_again(&api.store, id, api.store.now()).await? {
        AskedAgain::Asked => api.queue.tell(News::Happened(delivery.build)),
        AskedAgain::Unknown => return Err(Error::NoSuchDelivery(id)),
        AskedAgain::Erased => return Err(Error::AddressErased),
        AskedAgain::IsLog => return Err(Error::LogResend),
    }
    Ok(HttpResponse::Accepted().json(Resending { messages: 1, erased: 0 }))
}

/// Send messages again
///
/// All messages of changes of a build or a project that were tried since a time, each once, under the same
/// `webhook-id` as before.
#[utoipa::path(
    post, path = "/api/v2/deliveries/resend", tag = "followers", operation_id = "resend_since",
    request_body(content = ResendSince, description = "Either `build` or `project`"),
    responses(
        (status = 202, description = "They are sent", body = Resending),
        (status = 400, description = "The body is wrong; `field` says where", body = ErrorView),
        (status = 404, description = "There is no such build", body = ErrorView),
    )
)]
pub(crate) async fn resend_since(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    Params::read(&req, &[])?;
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let asked: ResendSince = json::parse(&body)?;
    let whose = match (asked.build, asked.project) {
        (Some(build), None) => {
            let build = BuildId::from_uuid(build);
            builds::find(&api.store, build).await?.ok_or(Error::NoSuchBuild(build))?;
            Whose::Build(build)
        }
        (None, Some(project)) => Whose::Project(Project::parse(&project)?),
        (None, None) | (Some(_), Some(_)) => {
            return Err(FieldError::new("build", "give either build or project").into());
        }
    };
    let (messages, erased) = followers::ask_again_since(
        &api.store,
        &whose,
        asked.since,
        asked.only_failed,
        api.store.now(),
    )
    .await?;
    Ok(HttpResponse::Accepted().json(Resending { messages, erased }))
}

fn limit(params: &Params) -> Result<u16, Error> {
    let Some(text) = params.get("limit") else { return Ok(DEFAULT_LIMIT) };
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| FieldError::new("limit", "must be 1 to 200").into())
}

/// The id of the last try on the page before.
fn cursor(text: &str) -> Result<DeliveryId, FieldError> {
    text.parse().map_err(|_| {
        FieldError::new("cursor", "is not one of ours")
            .hint("give next_cursor of the page before, as it is; leave it out for the first page")
    })
}

fn view(delivery: Delivery) -> DeliveryView {
    let tried = delivery.attempted;
    DeliveryView {
        id: delivery.id.as_uuid(),
        follower: delivery.follower.as_uuid(),
        build: delivery.build.as_uuid(),
        seq: tried.seq,
        webhook_id: tried.webhook_id,
        attempt: tried.attempt,
        resend: tried.resend,
        at: tried.at,
        duration_ms: u64::try_from(tried.took.as_millis()).unwrap_or(u64::MAX),
        outcome: tried.outcome.as_str().to_owned(),
        error: tried.error,
        request: DeliveryMessage {
            status: None,
            headers: tried.sent.headers,
            body: tried.sent.body,
        },
        response: tried.answer.map(|answer| DeliveryMessage {
            status: Some(answer.status),
            headers: answer.headers,
            body: answer.body,
        }),
    }
}
