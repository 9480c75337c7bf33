//! buildshuttle as it was documented: `POST` and `DELETE` of `/{app}/{build}`.
//!
//! The pair is the client's own name for a build, and only one build at a time may have it.

mod request;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use slipway_store::names::{self, Name};

pub(crate) use super::envelope::Refusal;
use super::{envelope, is_reserved, lenient, shipped, stop_all, taken};
use crate::dialects::buildshuttle::envelope::field;
use crate::error::Error;
use crate::intake::{self, Accepted};
use crate::{Api, body, request_log};
use request::Asked;

/// The pairs of this dialect.
const SCOPE: &str = "buildshuttle";
/// The longest id; what it is part of is an index's entry.
const LONGEST_ID: usize = 255;
/// Fields of the native API, and what they are called here.
const SPELLED: [(&str, &str); 5] = [
    ("image", "destination.image"),
    ("args", "arguments"),
    ("source.id", "source.url"),
    ("source.ref", "source.url"),
    ("followers", "webhooks"),
];

/// The client's name for a build.
struct Pair {
    app: String,
    build: String,
}

impl Pair {
    /// What the path says. Decoded it may hold what a path never does; such a name is nobody's.
    fn of(req: &HttpRequest) -> Result<Self, Refusal> {
        let (app, build) = (req.match_info().query("app"), req.match_info().query("build"));
        for (name, id) in [("app", app), ("build", build)] {
            if let Some(problem) = wrong_with(id) {
                return Err(field(name, problem));
            }
        }
        if is_reserved(app) {
            return Err(taken());
        }
        Ok(Self { app: app.to_owned(), build: build.to_owned() })
    }

    /// Neither half has a slash.
    fn name(&self) -> String {
        format!("{}/{}", self.app, self.build)
    }
}

/// Why this is no id, if it is none.
fn wrong_with(id: &str) -> Option<&'static str> {
    if id.is_empty() || matches!(id, "." | "..") {
        return Some("is no name");
    }
    if id.len() > LONGEST_ID {
        return Some("is longer than 255 bytes");
    }
    // The last is what stands for bytes that are not UTF-8.
    let is_slashed = id.contains(['/', '\\']) || id.to_ascii_lowercase().contains("%2f");
    if is_slashed || id.contains('\u{fffd}') || id.contains(char::is_control) {
        return Some(
            "has a slash, a backslash, a control character or one that is not UTF-8 in it",
        );
    }
    None
}

/// `POST /{app}/{build}`.
pub(crate) async fn submit(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Refusal> {
    let pair = Pair::of(&req)?;
    let body = body::read(&req, payload, api.limits.buildshuttle_body_bytes).await?;
    accept(&req, &api, &pair, &body).await.map_err(|refusal| refusal.spelled(&SPELLED))?;
    Ok(envelope::status(StatusCode::OK, "OK"))
}

async fn accept(req: &HttpRequest, api: &Api, pair: &Pair, body: &[u8]) -> Result<(), Refusal> {
    let body = lenient::without_trailing_commas(body);
    let asked = Asked::read(api, &lenient::object(&body)?, &pair.build).await?;
    let Asked { mut order, read, told } = asked;
    order.names.push(Name { scope: SCOPE.into(), name: pair.name(), alone: true });
    read.keep(api, &order.spec.project).await?;
    let submitted = intake::submit(api, &Arc::new(order)).await;
    let (Accepted::New(build) | Accepted::Before(build)) =
        submitted.map_err(|error| Refusal::from(error).of_followers(&told))?;
    request_log::concerns(req, build.id);
    Ok(())
}

/// `DELETE /{app}/{build}`. A first half that ends in a UUID is the shipped dialect's: it has
/// another answer, and both may have builds of that name.
pub(crate) async fn stop(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Refusal> {
    let shipped = shipped::paths::App::of(&req);
    let pair = Pair::of(&req);
    let stopped = match &pair {
        Ok(pair) => {
            let running = names::under_way(&api.store, SCOPE, Some(&pair.name())).await;
            stop_all(&api, running.map_err(Error::from)?).await?
        }
        Err(_) => false,
    };
    match (shipped, pair) {
        (Some(app), _) => shipped::stop(&api, &app, Some(req.match_info().query("build"))).await,
        // Nothing has such a name.
        (None, Err(_)) => Err(Refusal::NotFound),
        (None, Ok(_)) if stopped => Ok(envelope::status(StatusCode::OK, "OK")),
        (None, Ok(_)) => Err(Refusal::NotRunning),
    }
}
