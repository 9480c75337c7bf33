//! `/api/v2/projects`: how many builds of each may run at once.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{ErrorView, ProjectLimits, ProjectList, ProjectView};
use slipway_domain::{FieldError, Project};
use slipway_store::projects::{self, Whose};

use super::view;
use crate::error::Error;
use crate::{Api, body, json};

/// List the projects
///
/// Those that have a limit or something running, by name. `*` stands for every project
/// without a limit of its own.
#[utoipa::path(
    get, path = "/api/v2/projects", tag = "projects", operation_id = "list_projects",
    responses((status = 200, description = "The projects", body = ProjectList))
)]
pub(crate) async fn list(api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let projects = projects::all(&api.store).await?.into_iter().map(view::project).collect();
    Ok(HttpResponse::Ok().json(ProjectList { projects }))
}

/// Limit a project
///
/// Holds from the next claim on; what runs already goes on. `*` limits every project that
/// has no limit of its own.
#[utoipa::path(
    put, path = "/api/v2/projects/{name}", tag = "projects", operation_id = "limit_project",
    params(("name" = String, Path, description = "The project, or `*` for every other")),
    request_body = ProjectLimits,
    responses(
        (status = 200, description = "As it is limited now", body = ProjectView),
        (status = 400, description = "The name or the body is wrong", body = ErrorView),
    )
)]
pub(crate) async fn limit(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let whose = whose(&req)?;
    let body = body::read(&req, payload, api.limits.body_bytes).await?;
    let ProjectLimits { max_running } = json::parse(&body)?;
    if max_running == Some(0) {
        return Err(FieldError::new("max_running", "must be at least 1")
            .hint("null takes the limit away; to stop all builds, drain the hosts")
            .into());
    }
    projects::set_max_running(&api.store, &whose, max_running).await?;
    answer(&api, &whose).await
}

/// Take a project's limit away
///
/// It has what every other project has then.
#[utoipa::path(
    delete, path = "/api/v2/projects/{name}", tag = "projects", operation_id = "unlimit_project",
    params(("name" = String, Path, description = "The project, or `*` for every other")),
    responses((status = 200, description = "As it is limited now", body = ProjectView))
)]
pub(crate) async fn unlimit(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let whose = whose(&req)?;
    projects::forget(&api.store, &whose).await?;
    answer(&api, &whose).await
}

fn whose(req: &HttpRequest) -> Result<Whose, Error> {
    match req.match_info().query("name") {
        "*" => Ok(Whose::EveryOther),
        name => Ok(Whose::Of(Project::parse(name)?)),
    }
}

async fn answer(api: &Api, whose: &Whose) -> Result<HttpResponse, Error> {
    let project = projects::one(&api.store, whose).await?;
    Ok(HttpResponse::Ok().json(view::project(project)))
}
