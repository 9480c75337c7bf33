//! `/api/v2/projects`: how many builds of each may run at once.

use actix_web::{HttpRequest, HttpResponse, web};
use percent_encoding::percent_decode_str;
use slipway_api_types::{ErrorView, ProjectLimits, ProjectList, ProjectView};
use slipway_domain::Project;
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

/// One project
///
/// What it is allowed now, and how many of its builds run. A project need not be made: one that
/// nobody has limited or built for is answered as well, with what every other has.
#[utoipa::path(
    get, path = "/api/v2/projects/{name}", tag = "projects", operation_id = "get_project",
    params(("name" = String, Path, description = "The project, or `*` for every other")),
    responses(
        (status = 200, description = "The project", body = ProjectView),
        (status = 400, description = "The name is none of a project", body = ErrorView),
    )
)]
pub(crate) async fn one(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    answer(&api, &whose(&req)?).await
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
    let ProjectLimits { max_running } = json::parse(&body).map_err(advised)?;
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

/// Whoever wants no limit, or no builds, asks for them in other ways.
fn advised(error: Error) -> Error {
    if let Error::Field(error) = error {
        return error.hint("null takes the limit away; to stop all builds, drain the hosts").into();
    }
    error
}

fn whose(req: &HttpRequest) -> Result<Whose, Error> {
    // A slash may come as such, or as generated clients write it, which the router leaves alone.
    let name = percent_decode_str(req.match_info().query("name")).decode_utf8_lossy();
    match name.as_ref() {
        "*" => Ok(Whose::EveryOther),
        name => Ok(Whose::Of(Project::parse(name)?)),
    }
}

async fn answer(api: &Api, whose: &Whose) -> Result<HttpResponse, Error> {
    let project = projects::one(&api.store, whose).await?;
    Ok(HttpResponse::Ok().json(view::project(project)))
}
