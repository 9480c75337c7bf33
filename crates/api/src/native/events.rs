//! `GET /api/v2/builds/{id}/events`: what happens in a build, as server-sent events.
//!
//! The id of each is its number in the build's sequence, so a follower that comes back
//! with `Last-Event-ID`, to this server or another, misses nothing. The wire format is
//! that of the HTML standard, section "Server-sent events".

use std::convert::Infallible;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, stream};
use slipway_api_types::ErrorView;
use slipway_follow::Shape;
use slipway_store::StoreError;
use slipway_store::builds::Waiting;
use tokio_util::sync::CancellationToken;

use super::{path, view};
use crate::Api;
use crate::error::{Error, with_causes};
use crate::live::{Form, HEARTBEAT, PAUSE, Piece, Pieces, head_of_stream, message};
use crate::params::{self, Params};

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
        (status = 410, description = "Its log was moved to the server's blob store and is not \
            there any more (`log_missing`), or is damaged there (`log_damaged`)", body = ErrorView),
        (status = 503, description = "Its log is in the server's blob store, which does not \
            give it now", body = ErrorView),
    )
)]
pub(crate) async fn events(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let after = place(&req)?;
    let build = path::build_to_follow(&req, &api).await?;
    if build.state.is_finished() && after >= build.last_seq {
        return Ok(HttpResponse::NoContent().finish());
    }
    // A number from another life of the database must not hide what happens from now on.
    let after = after.min(build.last_seq);
    let mut follower = api.live.hub.follow(&build, after);
    follower.begin().await?;
    let mut response = HttpResponse::Ok();
    message::headers(&mut response);
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    let pieces = Pieces::new(follower, Form::Shared(Shape::Messages, message::of_event));
    let following = Following { pieces, stopping: api.stopping.clone(), greeted: false };
    Ok(response.streaming(following.into_stream()))
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
struct Following {
    pieces: Pieces,
    stopping: CancellationToken,
    greeted: bool,
}

impl Following {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold(Some(self), |following| async move {
            let mut following = following?;
            if !following.greeted {
                following.greeted = true;
                return Some((Ok(Bytes::from_static(message::GREETING)), Some(following)));
            }
            let (bytes, more) = following.next().await;
            Some((Ok(bytes), more.then_some(following)))
        })
    }

    /// What is to be sent next, and whether anything comes after it.
    async fn next(&mut self) -> (Bytes, bool) {
        let piece = if self.pieces.whole() {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return (self.last_word("reconnect"), false),
                piece = self.pieces.next() => piece,
                () = tokio::time::sleep(HEARTBEAT) => {
                    return (Bytes::from_static(message::STILL_HERE), true);
                }
            }
        } else {
            // The rest of a message is at hand, or is read again.
            self.pieces.next().await
        };
        match piece {
            Ok(Piece::Bytes(bytes)) => (bytes, true),
            Ok(Piece::Waiting(waiting)) => {
                (message::aside("waiting", &view::waiting(Waiting::clone(&waiting))), true)
            }
            Ok(Piece::End) => (self.last_word("end"), false),
            Err(error) => self.stumble(&error).await,
        }
    }

    fn last_word(&self, event: &str) -> Bytes {
        message::last_word(event, self.pieces.last())
    }

    /// A store that is away for a moment is waited for; anything else ends the stream,
    /// and the client comes back with the number of the last event it has.
    async fn stumble(&self, error: &StoreError) -> (Bytes, bool) {
        tracing::warn!("a follower cannot go on: {}", with_causes(error));
        let whole = self.pieces.whole();
        if error.is_passing() {
            tokio::time::sleep(PAUSE).await;
            let wait = if whole { message::PLEASE_WAIT } else { b"" };
            return (Bytes::from_static(wait), true);
        }
        (if whole { self.last_word("reconnect") } else { Bytes::new() }, false)
    }
}
