//! `GET /api/v2/hosts`, and an operator's word on them.

use actix_web::{HttpRequest, HttpResponse, web};
use slipway_api_types::{ErrorView, HostList, HostView};
use slipway_store::hosts;

use super::{path, view};
use crate::Api;
use crate::error::Error;

/// List the Docker hosts
///
/// As the workers last saw them, by name.
#[utoipa::path(
    get, path = "/api/v2/hosts", tag = "hosts", operation_id = "list_hosts",
    responses((status = 200, description = "All hosts", body = HostList))
)]
pub(crate) async fn list(api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let hosts = hosts::all(&api.store).await?.into_iter().map(view::host).collect();
    Ok(HttpResponse::Ok().json(HostList { hosts }))
}

/// Drain a host
///
/// What runs on it ends there; nothing new begins.
#[utoipa::path(
    post, path = "/api/v2/hosts/{name}/drain", tag = "hosts", operation_id = "drain_host",
    params(("name" = String, Path, description = "The host's name in the settings")),
    responses(
        (status = 200, description = "It is drained", body = HostView),
        (status = 404, description = "There is no such host", body = ErrorView),
    )
)]
pub(crate) async fn drain(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    set(&req, &api, true).await
}

/// Put a drained host back into service
#[utoipa::path(
    post, path = "/api/v2/hosts/{name}/undrain", tag = "hosts", operation_id = "undrain_host",
    params(("name" = String, Path, description = "The host's name in the settings")),
    responses(
        (status = 200, description = "It is in service", body = HostView),
        (status = 404, description = "There is no such host", body = ErrorView),
    )
)]
pub(crate) async fn undrain(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    set(&req, &api, false).await
}

/// The row is all that workers need: each claim reads it.
async fn set(req: &HttpRequest, api: &Api, drained: bool) -> Result<HttpResponse, Error> {
    let name = path::host_name(req)?;
    if !hosts::set_drained(&api.store, &name, drained).await? {
        return Err(Error::NoSuchHost(name));
    }
    tracing::info!(host.name = %name, drained, "an operator spoke");
    let host = hosts::all(&api.store).await?.into_iter().find(|host| host.name == name);
    host.map_or(Err(Error::NoSuchHost(name)), |host| Ok(HttpResponse::Ok().json(view::host(host))))
}
