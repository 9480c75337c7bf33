//! `GET /api/v2/events` and `/api/v2/events/ws`: what happens in several builds, as one
//! stream. A page that shows many builds would else need a connection for each, and a browser
//! has six.

use std::convert::Infallible;

use actix_http::ws::CloseCode;
use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Buf as _, Bytes};
use futures::{Stream, stream};
use serde::Serialize;
use serde_json::json;
use slipway_api_types::ErrorView;
use slipway_domain::{BuildId, Event, EventBody, FieldError};
use slipway_store::StoreError;
use slipway_store::builds::{self, Waiting};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Api;
use crate::error::{Error, with_causes};
use crate::live::several::{Said, Several};
use crate::live::socket::{Talk, Upgrade, Word};
use crate::live::{HEARTBEAT, PAUSE, PIECE, message};
use crate::params::{self, Params};

/// Each needs a place of its own.
const MOST_BUILDS: usize = 100;

/// Follow several builds
///
/// The events of all the builds named, as server-sent events; each has its `build` beside what
/// the build's own stream has. States and steps; output, too, with `logs=true`. The id of each,
/// and `from`, is a place in all of them: the numbers of the last events you have, in the order
/// of `builds`, with dots between, such as `12.0.7`. Give it with the same list, as it came or
/// made of each build's `last_seq`. Builds that are over end by themselves, and after the last
/// one comes `end`. `reconnect` means that this server is about to stop: come back with
/// `Last-Event-ID`. `waiting` says why a build waits.
#[utoipa::path(
    get, path = "/api/v2/events", tag = "builds", operation_id = "follow_builds",
    params(
        ("builds" = String, Query,
            description = "The builds' ids with commas between; 100 at most"),
        ("logs" = Option<bool>, Query, description = "Their output, too"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event you have"),
        ("from" = Option<String>, Query, description = "The same, where a header cannot be set"),
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
    )
)]
pub(crate) async fn events(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let header = req.headers().get("Last-Event-ID").map(|value| value.to_str().unwrap_or("?"));
    let (several, over) = asked(&req, &api, header).await?;
    if over && header.is_some() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut response = HttpResponse::Ok();
    message::headers(&mut response);
    if req.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let rest = Bytes::from_static(message::GREETING);
    let following = Following { several, stopping: api.stopping.clone(), rest, ended: false };
    Ok(response.streaming(following.into_stream()))
}

/// Follow several builds over a WebSocket
///
/// The same, a text frame for each event. After the last one the server closes with 1000. 1001
/// means that this server is about to stop, and 1011 that it cannot go on: come back with
/// `from`, made of the last `seq` of each build.
#[utoipa::path(
    get, path = "/api/v2/events/ws", tag = "builds", operation_id = "follow_builds_ws",
    params(
        ("builds" = String, Query,
            description = "The builds' ids with commas between; 100 at most"),
        ("logs" = Option<bool>, Query, description = "Their output, too"),
        ("from" = Option<String>, Query,
            description = "The numbers of the last events you have, in the order of `builds`, \
                with dots between"),
    ),
    responses(
        (status = 101, description = "The WebSocket"),
        (status = 400, description = "A parameter or the handshake is wrong", body = ErrorView),
        (status = 403, description = "The page is of another origin", body = ErrorView),
        (status = 404, description = "One of them does not exist", body = ErrorView),
        (status = 426, description = "The request asks for no WebSocket", body = ErrorView),
    )
)]
pub(crate) async fn socket(
    req: HttpRequest,
    payload: web::Payload,
    api: web::Data<Api>,
) -> Result<HttpResponse, Error> {
    let upgrade = Upgrade::check(&req, &api.live.origins)?;
    let (several, _) = asked(&req, &api, None).await?;
    Ok(upgrade.open(payload, Speaker { several, stopping: api.stopping.clone() }))
}

/// What a request asks for, and whether there is nothing left of it.
async fn asked(
    req: &HttpRequest,
    api: &Api,
    header: Option<&str>,
) -> Result<(Several, bool), Error> {
    let params = Params::read(req, &["builds", "logs", "from"])?;
    let logs = params.flag("logs")?;
    let ids = ids(params.get("builds").unwrap_or_default())?;
    let from = match header.filter(|text| !text.is_empty()) {
        Some(text) => Some(("Last-Event-ID", text)),
        None => params.get("from").map(|text| ("from", text)),
    };
    let places = match from {
        Some((name, text)) => places(name, text, ids.len())?,
        None => vec![0; ids.len()],
    };
    let (mut followers, mut over) = (Vec::new(), true);
    for (id, after) in ids.into_iter().zip(places) {
        let build = builds::find(&api.store, id).await?.ok_or(Error::NoSuchBuild(id))?;
        over &= build.state.is_finished() && after >= build.last_seq;
        // A number from another life of the database must not hide what happens from now on.
        followers.push((id, api.live.hub.follow(&build, after.min(build.last_seq))));
    }
    Ok((Several::new(followers, logs), over))
}

fn ids(text: &str) -> Result<Vec<BuildId>, FieldError> {
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

/// An event with its build.
#[derive(Serialize)]
struct Line<'a> {
    build: BuildId,
    #[serde(flatten)]
    event: &'a Event,
}

fn line(build: BuildId, event: &Event) -> String {
    // Words, numbers and strings: this cannot fail to serialise.
    serde_json::to_string(&Line { build, event }).unwrap_or_default()
}

fn waiting(build: BuildId, waiting: &Waiting) -> serde_json::Value {
    let Waiting { reason, position, since } = waiting;
    json!({
        "build": build, "kind": "waiting", "reason": reason, "position": position, "since": since,
    })
}

struct Following {
    several: Several,
    stopping: CancellationToken,
    /// Of the message under way.
    rest: Bytes,
    ended: bool,
}

impl Following {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(self, |mut following| async move {
            if following.rest.is_empty() {
                if following.ended {
                    return None;
                }
                following.rest = following.next().await;
            }
            let piece = following.rest.len().min(PIECE);
            let bytes = following.rest.copy_to_bytes(piece);
            Some((Ok(bytes), following))
        })
    }

    async fn next(&mut self) -> Bytes {
        let said = tokio::select! {
            biased;
            () = self.stopping.cancelled() => return self.last_word("reconnect"),
            said = self.several.next() => said,
            () = tokio::time::sleep(HEARTBEAT) => return Bytes::from_static(message::STILL_HERE),
        };
        match said {
            Ok(Said::Event(build, event)) => {
                let kind = match event.body {
                    EventBody::State { .. } => "state",
                    EventBody::Step { .. } => "step",
                    EventBody::Log { .. } => "log",
                };
                let (place, data) = (self.several.place(), line(build, &event));
                format!("id: {place}\nevent: {kind}\ndata: {data}\n\n").into()
            }
            Ok(Said::Waiting(build, why)) => message::aside("waiting", &waiting(build, &why)),
            Ok(Said::End) => self.last_word("end"),
            Err(error) => {
                stumble(&error).await;
                if error.is_passing() {
                    return Bytes::from_static(message::PLEASE_WAIT);
                }
                self.last_word("reconnect")
            }
        }
    }

    fn last_word(&mut self, event: &str) -> Bytes {
        self.ended = true;
        message::aside(event, &json!({"from": self.several.place()}))
    }
}

/// A store that is away for a moment is waited for.
async fn stumble(error: &StoreError) {
    tracing::warn!("a follower of several builds cannot go on: {}", with_causes(error));
    if error.is_passing() {
        tokio::time::sleep(PAUSE).await;
    }
}

struct Speaker {
    several: Several,
    stopping: CancellationToken,
}

impl Talk for Speaker {
    fn whole(&self) -> bool {
        true
    }

    async fn next(&mut self) -> Word {
        loop {
            let said = tokio::select! {
                biased;
                () = self.stopping.cancelled() => {
                    return Word::Close(CloseCode::Away, "this server is stopping".into());
                }
                said = self.several.next() => said,
            };
            return match said {
                Ok(Said::Event(build, event)) => Word::Text(line(build, &event)),
                Ok(Said::Waiting(build, why)) => Word::Text(waiting(build, &why).to_string()),
                Ok(Said::End) => Word::Close(CloseCode::Normal, "the builds are over".into()),
                Err(error) => {
                    stumble(&error).await;
                    if error.is_passing() {
                        continue;
                    }
                    Word::Close(CloseCode::Error, "come back with from".into())
                }
            };
        }
    }
}
