//! `GET /api/v2/builds` and `GET /api/v2/builds/{id}`.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{BuildList, BuildView, ErrorView, Status};
use slipway_domain::{BuildState, FieldError, ImageRef, Project};
use slipway_store::builds::{self, Filter, Position};

use super::{path, view};
use crate::Api;
use crate::cursor;
use crate::error::Error;
use crate::params::Params;

const DEFAULT_LIMIT: u16 = 50;
const MAX_LIMIT: u16 = 200;

/// List builds
///
/// Newest first, a page at a time.
#[utoipa::path(
    get, path = "/api/v2/builds", tag = "builds", operation_id = "list_builds",
    params(
        ("project" = Option<String>, Query, description = "Only this project's"),
        ("status" = Option<Status>, Query, description = "Only those that stand here"),
        ("image" = Option<String>, Query,
            description = "Only those of this image: with a tag that one, without one all tags"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("limit" = Option<u16>, Query, minimum = 1, maximum = 200,
            description = "How many on a page; 50 where nothing is said"),
    ),
    responses(
        (status = 200, description = "A page of builds", body = BuildList),
        (status = 400, description = "A parameter is wrong or unknown", body = ErrorView),
    )
)]
pub(crate) async fn list(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let params = Params::read(&req, &["project", "status", "image", "cursor", "limit"])?;
    let limit = limit(&params)?;
    // One more than asked for tells whether there is a next page.
    let mut builds = builds::list(&api.store, &filter(&params)?, limit + 1).await?;
    let more = builds.len() > usize::from(limit);
    builds.truncate(usize::from(limit));
    let next_cursor = builds
        .last()
        .filter(|_| more)
        .map(|last| cursor::write(Position { created_at: last.created_at, id: last.id }));
    let builds = builds.into_iter().map(|build| view::build(build, None)).collect();
    Ok(HttpResponse::Ok().json(BuildList { builds, next_cursor }))
}

/// Show a build
///
/// A queued build says why it waits and where it stands in line.
#[utoipa::path(
    get, path = "/api/v2/builds/{id}", tag = "builds", operation_id = "get_build",
    params(("id" = Uuid, Path, description = "The build's id")),
    responses(
        (status = 200, description = "The build as it stands", body = BuildView),
        (status = 404, description = "There is no such build", body = ErrorView),
    )
)]
pub(crate) async fn one(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    Params::read(&req, &[])?;
    let build = path::build(&req, &api).await?;
    let waiting = builds::waiting(&api.store, &build, api.store.now()).await?;
    Ok(HttpResponse::Ok().json(view::build(build, waiting)))
}

fn limit(params: &Params) -> Result<u16, Error> {
    let Some(text) = params.get("limit") else { return Ok(DEFAULT_LIMIT) };
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| FieldError::new("limit", "must be 1 to 200").into())
}

fn filter(params: &Params) -> Result<Filter, Error> {
    let state = params.get("status").map(str::parse::<BuildState>).transpose();
    Ok(Filter {
        project: params.get("project").map(Project::parse).transpose()?,
        state: state.map_err(|error| FieldError::new("status", error.to_string()))?,
        image: params.get("image").map(image).transpose()?,
        before: params.get("cursor").map(cursor::read).transpose()?,
    })
}

/// The image in the spelling of the rows. Without a tag it stands for all of them, so
/// the one that the grammar gives it must not be taken for one that was asked for.
fn image(text: &str) -> Result<String, Error> {
    let image = ImageRef::parse(text).map_err(|e| FieldError::new("image", e.to_string()))?;
    let tagged = text.ends_with(&format!(":{}", image.tag())) || image.digest().is_some();
    Ok(if tagged { image.to_string() } else { image.repository() })
}
