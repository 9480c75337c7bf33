//! `GET /api/v2/events` and `/api/v2/events/ws`: what happens in several builds, or in all builds
//! of a project, as one stream. A page that shows many builds would else need a connection for
//! each, and a browser has six.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use slipway_api_types::ErrorView;
use slipway_domain::{BuildId, FieldError, Project};
use slipway_store::stream::Place;
use uuid::Uuid;

use crate::Api;
use crate::error::Error;
use crate::live::several::Several;
use crate::live::socket::Upgrade;
use crate::live::together::{Following, Speaker, Together};
use crate::live::{head_of_stream, message};
use crate::params::{self, Params};

/// Each needs a place of its own.
const MOST_BUILDS: usize = 100;

/// So many of them are read at once before the answer begins.
const AT_ONCE: usize = 8;

/// Follow several builds, or a project
///
/// The events of all the builds named, or of all builds of a project, those included that are
/// submitted later, as server-sent events; each has its `build` beside what the build's own stream
/// has. States and steps; output, too, with `logs=true`, for `builds` only. Whoever comes back with
/// the id of the last event it has, to any server, misses nothing and gets nothing twice.
/// `reconnect` means that this server is about to stop: come back with `Last-Event-ID`.
///
/// Of `builds`, the id of each, and `from`, is a place in all of them: the numbers of the last
/// events you have, in the order of `builds`, with dots between, such as `12.0.7`. Give it with the
/// same list, as it came or made of each build's `last_seq`. Builds that are over end by
/// themselves, and after the last one comes `end`. `waiting` says why a build waits.
///
/// Of `project`, the id is one of the stream's own, for you to give back and not to look into.
/// Without one it begins now, and `from=0` is all that is kept. It has no end. The first message is
/// `begin`, whose `id` is the place from which it goes on: to have a list of builds and all that
/// comes after it, wait for `begin`, then ask for the list, and pass over events whose `seq` is not
/// above the `last_seq` of their build there.
#[utoipa::path(
    get, path = "/api/v2/events", tag = "builds", operation_id = "follow_builds",
    params(
        ("builds" = Option<String>, Query,
            description = "The builds' ids with commas between; 100 at most"),
        ("project" = Option<String>, Query, description = "The project, in place of `builds`"),
        ("logs" = Option<bool>, Query, description = "The output of `builds`, too"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event you have"),
        ("from" = Option<String>, Query, description = "The same, where a header cannot be set"),
        ("lastEventId" = Option<String>, Query,
            description = "The same, as some EventSource libraries spell it"),
    ),
    responses(
        (status = 200, description = "The events", body = String,
            content_type = "text/event-stream", example = "retry: 2000\n\nid: 1.0\nevent: state\n\
            data: {\"build\":\"0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071\",\"seq\":1,\
            \"at\":\"2026-01-01T00:00:00Z\",\"attempt\":0,\"kind\":\"state\",\
            \"status\":\"queued\"}\n\n"),
        (status = 204, description = "All of them are over and you have all their events"),
        (status = 400, description = "A parameter is wrong", body = ErrorView),
        (status = 404, description = "One of them does not exist", body = ErrorView),
        (status = 410, description = "The log of one of `builds`, which the message names, was \
            moved to the server's blob store and is not there any more, or is damaged there",
            body = ErrorView),
        (status = 503, description = "The log of one of `builds` is in the server's blob store, \
            which does not give it now", body = ErrorView),
    )
)]
pub(crate) async fn events(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let header = req.headers().get("Last-Event-ID").map(|value| value.to_str().unwrap_or("?"));
    let (together, over) = asked(&req, &api, header).await?;
    if over {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut response = HttpResponse::Ok();
    message::headers(&mut response);
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    let following = Following::new(together, api.stopping.clone());
    Ok(response.streaming(following.into_stream()))
}

/// Follow several builds, or a project, over a WebSocket
///
/// The same, a text frame for each event. After the last one of `builds` the server closes with
/// 1000. 1001 means that this server is about to stop, and 1011 that it cannot go on: come back
/// with `from`, made of the last `seq` of each build, or, of a `project`, with the `place` of the
/// last frame that had one.
#[utoipa::path(
    get, path = "/api/v2/events/ws", tag = "builds", operation_id = "follow_builds_ws",
    params(
        ("builds" = Option<String>, Query,
            description = "The builds' ids with commas between; 100 at most"),
        ("project" = Option<String>, Query, description = "The project, in place of `builds`"),
        ("logs" = Option<bool>, Query, description = "The output of `builds`, too"),
        ("from" = Option<String>, Query,
            description = "The numbers of the last events you have, in the order of `builds`, \
                with dots between; of a `project`, the last `place` you have"),
    ),
    responses(
        (status = 101, description = "The WebSocket"),
        (status = 400, description = "A parameter or the handshake is wrong", body = ErrorView),
        (status = 403, description = "The page is of another origin", body = ErrorView),
        (status = 404, description = "One of them does not exist", body = ErrorView),
        (status = 410, description = "The log of one of `builds`, which the message names, was \
            moved to the server's blob store and is not there any more, or is damaged there",
            body = ErrorView),
        (status = 426, description = "The request asks for no WebSocket", body = ErrorView),
        (status = 503, description = "The log of one of `builds` is in the server's blob store, \
            which does not give it now", body = ErrorView),
    )
)]
pub(crate) async fn socket(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let upgrade = Upgrade::check(&req, &api.live.origins)?;
    let (together, _) = asked(&req, &api, None).await?;
    Ok(upgrade.open(payload, Speaker::new(together, api.stopping.clone())))
}

/// What a request asks for, and whether there is nothing left of it for a client that comes back.
async fn asked(
    req: &HttpRequest,
    api: &Api,
    header: Option<&str>,
) -> Result<(Together, bool), Error> {
    let params = Params::read(req, &["builds", "project", "logs", "from", "lastEventId"])?;
    let logs = params.flag("logs")?;
    let header = header.filter(|text| !text.is_empty()).map(|text| ("Last-Event-ID", text));
    let given = |name: &'static str| params.get(name).map(|text| (name, text));
    let back = header.or_else(|| given("lastEventId"));
    let from = back.or_else(|| given("from"));
    match (params.get("builds"), params.get("project")) {
        (Some(_), Some(_)) => {
            Err(FieldError::new("project", "does not go together with builds").into())
        }
        (None, None) => {
            let (name, problem) = match (params.is_empty("builds"), params.is_empty("project")) {
                (false, true) => ("project", "is empty"),
                (true, _) => ("builds", "is empty"),
                (false, false) => ("builds", "is missing"),
            };
            Err(FieldError::new(name, problem)
                .hint("give the ids of the builds with commas between, or a project")
                .into())
        }
        (Some(ids), None) => {
            let (together, over) = of_builds(api, ids, from, logs).await?;
            Ok((together, over && back.is_some()))
        }
        (None, Some(_)) if logs => Err(FieldError::new("logs", "is not for a project's stream")
            .hint("follow the builds whose output you want, with builds=")
            .into()),
        (None, Some(name)) => Ok((of_project(api, name, from).await?, false)),
    }
}

async fn of_project(api: &Api, name: &str, from: Option<(&str, &str)>) -> Result<Together, Error> {
    let project = Project::parse(name)?;
    let from: Option<Place> = from
        .map(|(name, text)| {
            text.trim().parse().map_err(|_| {
                FieldError::new(name, "is no place in the stream of a project")
                    .hint("give the id of the last event you have; 0 is before all that is kept")
            })
        })
        .transpose()?;
    let follower = api.live.hub.follow_project(&project, from).await?;
    Ok(Together::Project { follower, begun: false })
}

async fn of_builds(
    api: &Api,
    ids: &str,
    from: Option<(&str, &str)>,
    logs: bool,
) -> Result<(Together, bool), Error> {
    let ids = parse(ids)?;
    let places = match from {
        Some((name, text)) => places(name, text, ids.len())?,
        None => vec![0; ids.len()],
    };
    let hub = &api.live.hub;
    let find = |id: BuildId| async move { hub.find(id).await?.ok_or(Error::NoSuchBuild(id)) };
    let found = stream::iter(ids).map(find).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
    let (mut followers, mut over) = (Vec::new(), true);
    for (build, after) in found.into_iter().zip(places) {
        over &= build.state.is_finished() && after >= build.last_seq;
        // A number from another life of the database must not hide what happens from now on.
        followers.push((build.id, hub.follow(&build, after.min(build.last_seq))));
    }
    // Whose log is not to be had is said before the answer begins: within it, all there is to
    // say is to come back, which would be for ever.
    let begin = followers.iter_mut().map(|(_, follower)| follower.begin());
    stream::iter(begin).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok((Together::Builds(Several::new(followers, logs)), over))
}

fn parse(text: &str) -> Result<Vec<BuildId>, FieldError> {
    let hint = "give the ids of the builds with commas between";
    let mut ids = Vec::new();
    for word in text.split(',').map(str::trim) {
        let id = Uuid::parse_str(word)
            .map(BuildId::from_uuid)
            .map_err(|_| FieldError::new("builds", "is no list of ids").hint(hint))?;
        if ids.contains(&id) {
            return Err(FieldError::new("builds", "names a build twice"));
        }
        ids.push(id);
    }
    if ids.len() > MOST_BUILDS {
        return Err(FieldError::new("builds", format!("has more than {MOST_BUILDS} ids")));
    }
    Ok(ids)
}

fn places(name: &str, text: &str, count: usize) -> Result<Vec<i64>, Error> {
    let places: Vec<i64> =
        text.split('.').map(|seq| params::seq(name, seq)).collect::<Result<_, _>>()?;
    if places.len() != count {
        let problem = format!("has {} numbers for {count} builds", places.len());
        return Err(FieldError::new(name, problem).into());
    }
    Ok(places)
}
