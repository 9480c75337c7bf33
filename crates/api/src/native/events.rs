//! `GET /api/v2/builds/{id}/events`: what happens in a build, as server-sent events.
//!
//! The id of each is its number in the build's sequence, so a follower that comes back
//! with `Last-Event-ID`, to this server or another, misses nothing. The wire format is
//! that of the HTML standard, section "Server-sent events".

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, stream};
use slipway_api_types::ErrorView;
use slipway_domain::{Event, EventBody};
use slipway_follow::Tail;
use slipway_store::StoreError;
use slipway_store::builds::Waiting;
use tokio_util::sync::CancellationToken;

use super::waiting::Wait;
use super::{path, view};
use crate::Api;
use crate::error::{Error, with_causes};
use crate::params::{self, Params};

/// Proxies hang up on a connection that is silent for as little as 15 seconds.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a follower waits while the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Follow a build
///
/// Every event since the number given, then each as it happens. Events are `state`,
/// `step` and `log`, their ids are their numbers in the build's sequence, and their data
/// is JSON. After the last one comes `end`; a client that asks again then is answered
/// 204, which is how an `EventSource` learns to stop. `reconnect` means that this server
/// is about to stop: come back with `Last-Event-ID`. While the build waits, `waiting` says
/// why, as `waiting` of the build does, and says so again when the reason is another one; it
/// is no event of the build and has no id.
#[utoipa::path(
    get, path = "/api/v2/builds/{id}/events", tag = "builds", operation_id = "follow_build",
    params(
        ("id" = Uuid, Path, description = "The build's id"),
        ("Last-Event-ID" = Option<i64>, Header,
            description = "The number of the last event you have"),
        ("from" = Option<i64>, Query, minimum = 0,
            description = "The same, where a header cannot be set"),
        ("lastEventId" = Option<i64>, Query, minimum = 0,
            description = "The same, as some EventSource libraries spell it"),
    ),
    responses(
        (status = 200, description = "The events", body = String,
            content_type = "text/event-stream", example = "retry: 2000\n\nid: 1\nevent: state\n\
            data: {\"seq\":1,\"at\":\"2026-01-01T00:00:00Z\",\"attempt\":0,\"kind\":\"state\",\
            \"status\":\"queued\"}\n\n"),
        (status = 204, description = "The build is over and you have all its events"),
        (status = 404, description = "There is no such build", body = ErrorView),
    )
)]
pub(crate) async fn events(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let after = place(&req)?;
    let build = path::build(&req, &api).await?;
    if build.state.is_finished() && after >= build.last_seq {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // nginx would keep the events back until its buffer is full.
        .insert_header(("X-Accel-Buffering", "no"));
    if req.method() == Method::HEAD {
        return Ok(response.finish());
    }
    // A number from another life of the database must not hide what happens from now on.
    let after = after.min(build.last_seq);
    let follower = Follower {
        tail: Tail::new(&api.store, &api.queue, build.id, after),
        wait: Wait::of(&api.store, &build),
        last: after,
        stopping: api.stopping.clone(),
        greeted: false,
    };
    Ok(response.streaming(follower.into_stream()))
}

/// The last event that the client has. The header wins: it is what a browser sends when
/// it comes back to the same URL.
fn place(req: &HttpRequest) -> Result<i64, Error> {
    let params = Params::read(req, &["from", "lastEventId"])?;
    let given = [params.seq("lastEventId")?, params.seq("from")?];
    let header = req.headers().get("Last-Event-ID").map(|value| value.to_str().unwrap_or("?"));
    match header.filter(|text| !text.is_empty()) {
        Some(text) => params::seq("Last-Event-ID", text),
        None => Ok(given.into_iter().flatten().next().unwrap_or(0)),
    }
}

/// One client's place in one build.
struct Follower {
    tail: Tail,
    wait: Wait,
    /// The last event that was sent.
    last: i64,
    stopping: CancellationToken,
    greeted: bool,
}

impl Follower {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(Some(self), |follower| async move {
            let mut follower = follower?;
            if !follower.greeted {
                follower.greeted = true;
                return Some((Ok(Bytes::from_static(b"retry: 2000\n\n")), Some(follower)));
            }
            let (text, more) = follower.next().await;
            Some((Ok(Bytes::from(text)), more.then_some(follower)))
        })
    }

    /// What is to be sent next, and whether anything comes after it.
    async fn next(&mut self) -> (String, bool) {
        let batch = tokio::select! {
            batch = self.tail.next() => batch,
            waiting = self.wait.news() => return match waiting {
                Ok(waiting) => (said(waiting), true),
                Err(error) => self.stumble(&error).await,
            },
            () = self.stopping.cancelled() => return (self.last_word("reconnect"), false),
            () = tokio::time::sleep(HEARTBEAT) => return (": still here\n\n".into(), true),
        };
        match batch {
            Ok(Some(batch)) => (self.render(&batch), true),
            Ok(None) => (self.last_word("end"), false),
            Err(error) => self.stumble(&error).await,
        }
    }

    fn render(&mut self, batch: &[Event]) -> String {
        self.wait.note(batch);
        let mut out = String::new();
        for event in batch {
            self.last = event.seq;
            // Words, numbers and strings: this cannot fail to serialise. Newlines are
            // escaped in JSON, so the data is one line.
            let data = serde_json::to_string(event).unwrap_or_default();
            let (seq, kind) = (event.seq, kind(&event.body));
            // Writing to a String cannot fail.
            let _ = write!(out, "id: {seq}\nevent: {kind}\ndata: {data}\n\n");
        }
        out
    }

    fn last_word(&self, event: &str) -> String {
        format!("event: {event}\ndata: {{\"last_seq\":{}}}\n\n", self.last)
    }

    /// A store that is away for a moment is waited for; anything else ends the stream,
    /// and the client comes back with the number of the last event it has.
    async fn stumble(&self, error: &StoreError) -> (String, bool) {
        tracing::warn!("a follower cannot go on: {}", with_causes(error));
        if error.is_passing() {
            tokio::time::sleep(PAUSE).await;
            return (": the store does not answer, please wait\n\n".into(), true);
        }
        (self.last_word("reconnect"), false)
    }
}

/// Without an id, a message leaves the client's place where it is.
fn said(waiting: Waiting) -> String {
    // A text, a number and a time: this cannot fail to serialise.
    let data = serde_json::to_string(&view::waiting(waiting)).unwrap_or_default();
    format!("event: waiting\ndata: {data}\n\n")
}

const fn kind(body: &EventBody) -> &'static str {
    match body {
        EventBody::State { .. } => "state",
        EventBody::Step { .. } => "step",
        EventBody::Log { .. } => "log",
    }
}
