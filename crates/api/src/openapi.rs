//! The API document, generated from the code, and pages to read it with.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::OpenApi;
use utoipa_swagger_ui::Config;

use crate::error::Error;
use crate::{health, native, operations, webhooks};

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Slipway",
        description = "Turns a request into an image in a registry: builds it on a Docker host, \
            pushes it, purges it from the host, and tells whoever follows, live.\n\n\
            Every error of the paths in this document is \
            `{\"error\": {\"code\", \"message\", \"field\"?, \"hint\"?}}`. The older services' \
            paths under `/api/v1`, which are not in it, keep the envelopes that their clients \
            know: boatyard's is `{\"Error\": \"…\"}`, the templates' \
            `{\"error\", \"code\", \"details\"?}`. So does buildshuttle, whose paths are at the \
            top: `{\"status\": \"…\"}`."
    ),
    tags(
        (name = "builds", description = "Submit builds and follow them"),
        (name = "followers", description = "Who is told of builds without asking"),
        (name = "uploads", description = "Build contexts"),
        (name = "templates", description = "What builds can be made from without a source"),
        (name = "hosts", description = "The Docker hosts"),
        (name = "projects", description = "How many builds of each project run at once"),
        (name = "triggers", description = "What is built when something happens at a forge"),
        (name = "webhooks", description = "Where forges tell of it"),
        (name = "health", description = "How the service is"),
    ),
    paths(
        native::submit::submit,
        native::builds::list,
        native::builds::one,
        native::cancel::cancel,
        native::retry::retry,
        native::logs::logs,
        native::events::events,
        native::socket::follow,
        native::several::events,
        native::several::socket,
        native::followers::list,
        native::deliveries::list,
        native::deliveries::resend,
        native::deliveries::resend_since,
        native::uploads::upload,
        native::uploads::one,
        native::templates::list,
        native::hosts::list,
        native::hosts::drain,
        native::hosts::undrain,
        native::projects::list,
        native::projects::one,
        native::projects::limit,
        native::projects::unlimit,
        native::triggers::list,
        native::triggers::make,
        native::triggers::one,
        native::triggers::change,
        native::triggers::remove,
        native::dry_run::dry_run,
        native::webhooks::list,
        webhooks::receive::github,
        webhooks::receive::gitea,
        webhooks::receive::gitlab,
        health::health,
        health::live,
        health::ready,
        operations::metrics,
    )
)]
struct Document;

/// `GET /openapi.json`.
pub(crate) async fn document() -> HttpResponse {
    HttpResponse::Ok().json(Document::openapi())
}

/// `GET /docs`: its files are beside the page, so the page must end in a slash.
pub(crate) async fn docs_slash() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "docs/")).finish()
}

/// `GET /docs/…`: the page and its files, which are part of the executable.
pub(crate) async fn docs(file: web::Path<String>) -> Result<HttpResponse, Error> {
    // The validator would send the document's address to a public service.
    let config = Config::from("../openapi.json").validator_url("none").try_it_out_enabled(true);
    let found = utoipa_swagger_ui::serve(&file, Arc::new(config)).ok().flatten();
    let file = found.ok_or(Error::NoSuchPath)?;
    let mut response = HttpResponse::Ok();
    if file.gzpipped {
        response.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(response.content_type(file.content_type).body(file.bytes.into_owned()))
}

/// `GET /`: a browser is shown the documents, anybody else is told where they are.
pub(crate) async fn landing(req: HttpRequest) -> HttpResponse {
    let accept = req.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return HttpResponse::SeeOther().insert_header((header::LOCATION, "docs/")).finish();
    }
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(
        "This is Slipway, a build service for container images.\n\n\
         API      /api/v2/builds\n\
         document /openapi.json\n\
         pages    /docs/\n\
         health   /health\n",
    )
}
