//! Every path there is, most literal first.
//!
//! Full paths in one table: two scopes on one prefix would shadow each other. A path with
//! another method is 405 with `Allow`, a path that is not here is 404, each in the
//! envelope of the dialect that the path belongs to.

use actix_web::dev::Handler;
use actix_web::guard::{self, Guard};
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use crate::dialects::{self, boatyard, buildshuttle, generator, shared_submit, templates};
use crate::error::Error;
use crate::native::{
    self, builds, cancel, deliveries, dry_run, events, followers, hosts, logs, projects, retry,
    several, socket, submit, templates as native_templates, triggers, uploads,
};
use crate::{Origins, Otherwise, health, openapi, operations, webhooks};

/// Adds every path. Pages of `origins` may call those that older services' pages called.
pub(crate) fn table(cfg: &mut web::ServiceConfig, origins: &Origins) {
    let for_json = guard::fn_guard(templates::asks_for_json);
    let index = resource("/", [get(templates::index)]).guard(for_json);
    cfg.service(index.wrap(dialects::open_to(origins)));
    at(cfg, "/", [get(openapi::landing), post(buildshuttle::shipped::submit)]);
    at(cfg, "/docs", [get(openapi::docs_slash)]);
    cfg.service(resource("/docs/{file:.*}", [get(openapi::docs)]).guard(reads()));
    at(cfg, "/openapi.json", [get(openapi::document)]);

    for_operators(cfg, origins);

    at(cfg, "/api/v2/builds", [get(builds::list), post(submit::submit)]);
    at(cfg, "/api/v2/builds/{id}", [get(builds::one)]);
    at(cfg, "/api/v2/builds/{id}/cancel", [post(cancel::cancel)]);
    at(cfg, "/api/v2/builds/{id}/retry", [post(retry::retry)]);
    at(cfg, "/api/v2/builds/{id}/logs", [get(logs::logs)]);
    at(cfg, "/api/v2/builds/{id}/events", [get(events::events)]);
    at(cfg, "/api/v2/builds/{id}/ws", [get(socket::follow)]);
    at(cfg, "/api/v2/events", [get(several::events)]);
    at(cfg, "/api/v2/events/ws", [get(several::socket)]);
    at(cfg, "/api/v2/builds/{id}/followers", [get(followers::list)]);
    at(cfg, "/api/v2/builds/{id}/deliveries", [get(deliveries::list)]);
    at(cfg, "/api/v2/deliveries/resend", [post(deliveries::resend_since)]);
    at(cfg, "/api/v2/deliveries/{id}/resend", [post(deliveries::resend)]);
    at(cfg, "/api/v2/uploads", [post(uploads::upload)]);
    at(cfg, "/api/v2/uploads/{id}", [get(uploads::one)]);
    at(cfg, "/api/v2/templates", [get(native_templates::list)]);
    at(cfg, "/api/v2/hosts", [get(hosts::list)]);
    at(cfg, "/api/v2/hosts/{name}/drain", [post(hosts::drain)]);
    at(cfg, "/api/v2/hosts/{name}/undrain", [post(hosts::undrain)]);
    at(cfg, "/api/v2/projects", [get(projects::list)]);
    let one = [get(projects::one), put(projects::limit), delete(projects::unlimit)];
    at(cfg, "/api/v2/projects/{name:.+}", one);

    at(cfg, "/api/v2/triggers", [get(triggers::list), post(triggers::make)]);
    at(cfg, "/api/v2/triggers/deliveries", [get(native::webhooks::list)]);
    at(cfg, "/api/v2/triggers/dry-run", [post(dry_run::dry_run)]);
    let trigger = [get(triggers::one), put(triggers::change), delete(triggers::remove)];
    at(cfg, "/api/v2/triggers/{name}", trigger);

    at(cfg, "/webhooks/github", [post(webhooks::github)]);
    at(cfg, "/webhooks/gitea", [post(webhooks::gitea)]);
    at(cfg, "/webhooks/gitlab", [post(webhooks::gitlab)]);

    open_at(cfg, origins, "/api/v1", [get(templates::index)]);
    open_at(cfg, origins, "/api/v1/build", [post(shared_submit::submit)]);
    open_at(cfg, origins, "/api/v1/builds", [get(templates::list)]);
    open_at(cfg, origins, "/api/v1/build/{id}/status", [get(templates::status)]);
    open_at(cfg, origins, "/api/v1/{job}/status", [get(boatyard::status)]);
    open_at(cfg, origins, "/api/v1/{job}/logs", [get(boatyard::logs)]);

    for path in ["/b1/build", "/b1/build/"] {
        at(cfg, path, [get_alone(generator::build_by_get), post(generator::build_by_post)]);
    }
    at(cfg, "/b1/build/log/http/{id}", [get(generator::poll)]);
    at(cfg, "/b1/build/log/ws/{id}", [get_alone(generator::follow)]);

    buildshuttle(cfg);
    otherwise(cfg, Otherwise::NoSuchPath);
}

/// Paths of which every segment is the client's: the last in the table, and none that begins
/// with a word of another's. What has another method is nobody's.
fn buildshuttle(cfg: &mut web::ServiceConfig) {
    const UUID: &str =
        "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

    use buildshuttle::{documented, shipped};
    at(cfg, "/octhc", [get(shipped::alive)]);
    let of_app = format!("/{{app:[^/]+-{UUID}}}");
    cfg.service(web::resource(format!("{of_app}/{{build}}/logs")).guard(reads()).to(shipped::logs))
        .service(
            web::resource(format!("{of_app}/{{build}}/status")).guard(reads()).to(shipped::status),
        )
        .service(web::resource(of_app).guard(guard::Delete()).to(shipped::stop_app))
        .service(web::resource(format!("/{{build:{UUID}}}")).guard(reads()).to(shipped::stored));
    let pair = || web::resource("/{app}/{build}").guard(guard::fn_guard(buildshuttle::is_free));
    cfg.service(pair().guard(guard::Post()).to(documented::submit))
        .service(pair().guard(guard::Delete()).to(documented::stop));
    let taken = web::resource("/{app}/{build}").guard(guard::fn_guard(buildshuttle::is_taken));
    let refuse = || async { Err::<HttpResponse, _>(buildshuttle::taken()) };
    cfg.service(taken.guard(guard::Post()).to(refuse));
}

/// Adds the paths that every process has, whatever its role.
pub(crate) fn for_operators(cfg: &mut web::ServiceConfig, origins: &Origins) {
    // The templates' service had it, too.
    open_at(cfg, origins, "/health", [get(health::health)]);
    at(cfg, "/health/live", [get(health::live)]);
    at(cfg, "/health/ready", [get(health::ready)]);
    at(cfg, "/metrics", [get(operations::metrics)]);
}

/// Answers where there is no path.
pub(crate) fn otherwise(cfg: &mut web::ServiceConfig, otherwise: Otherwise) {
    cfg.default_service(web::to(move |req: HttpRequest| async move {
        let error = match otherwise {
            Otherwise::NoSuchPath => Error::NoSuchPath,
            Otherwise::NotYet => Error::NotYet,
        };
        dialects::refuse(req.path(), &error)
    }));
}

/// One method of a path: what `Allow` says of it, and what it does.
type Method = (&'static str, Route);

/// Adds a path with the methods that it knows.
fn at<const N: usize>(cfg: &mut web::ServiceConfig, path: &str, methods: [Method; N]) {
    cfg.service(resource(path, methods));
}

/// The same for a path that pages of these origins may call.
fn open_at<const N: usize>(
    cfg: &mut web::ServiceConfig,
    origins: &Origins,
    path: &str,
    methods: [Method; N],
) {
    cfg.service(resource(path, methods).wrap(dialects::open_to(origins)));
}

fn resource<const N: usize>(path: &str, methods: [Method; N]) -> Resource {
    let allow = methods.iter().map(|(names, _)| *names).collect::<Vec<_>>().join(", ");
    let resource =
        methods.into_iter().fold(web::resource(path), |resource, (_, route)| resource.route(route));
    resource.default_service(web::to(move |req: HttpRequest| {
        let allow = allow.clone();
        async move { dialects::refuse(req.path(), &Error::WrongMethod { allow }) }
    }))
}

/// Reading. HEAD is GET without the body, which the server leaves out by itself.
fn get<F, Args>(handler: F) -> Method
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    ("GET, HEAD", web::route().guard(reads()).to(handler))
}

fn reads() -> impl Guard {
    guard::Any(guard::Get()).or(guard::Head())
}

/// What is no reading, though it is asked for so: a HEAD must not do it.
fn get_alone<F, Args>(handler: F) -> Method
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    ("GET", web::get().to(handler))
}

/// Changing something.
fn post<F, Args>(handler: F) -> Method
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    ("POST", web::post().to(handler))
}

/// Setting something, however often it is said.
fn put<F, Args>(handler: F) -> Method
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    ("PUT", web::put().to(handler))
}

/// Taking something away.
fn delete<F, Args>(handler: F) -> Method
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    ("DELETE", web::delete().to(handler))
}
