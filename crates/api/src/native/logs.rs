//! `GET /api/v2/builds/{id}/logs`: the events of a build as a log, in one of several forms.
//!
//! A log may be longer than memory: it is read and sent a batch at a time, and the next
//! batch is read when the client has taken the one before.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, stream};
use slipway_api_types::ErrorView;
use slipway_follow::{Aside, Format, Renderer, Shape};
use slipway_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::{log_format, path};
use crate::Api;
use crate::error::Error;
use crate::live::{Form, Piece, Pieces, head_of_stream, message};
use crate::params::Params;

/// Read the log
///
/// Steps, their output and the states of the build as text. `follow=true` goes on until
/// the build is over; while it waits, `==> waiting: …` says why, and says so again when the
/// reason is another one.
///
/// `format` is `text`; `classic`, as Docker's classic builder prints (`Step 1/5 : FROM x`, then
/// the output alone); `docker-json`, the same as the JSON stream of a Docker Engine
/// (`{"stream": …}`, `{"status": …}`, `{"errorDetail": …, "error": …}`, lines ending in CR LF);
/// or `jsonl`, the events themselves, one JSON object a line, where a line without `seq` is no
/// event: `waiting` says why the build waits, `reconnect` that the server is about to stop.
/// Without `format`, `Accept` chooses: `application/x-ndjson`, `application/json`, or text.
#[utoipa::path(
    get, path = "/api/v2/builds/{id}/logs", tag = "builds", operation_id = "get_build_logs",
    params(
        ("id" = Uuid, Path, description = "The build's id"),
        ("from" = Option<i64>, Query, minimum = 0,
            description = "The number of the last event you have; what comes after it is sent"),
        ("follow" = Option<bool>, Query, description = "Stay until the build is over"),
        ("format" = Option<String>, Query,
            description = "`text`, `classic`, `docker-json` or `jsonl`"),
    ),
    responses(
        (status = 200, description = "The text", body = String,
            content_type = "text/plain; charset=utf-8",
            headers(("Slipway-Last-Seq" = i64,
                description = "The build's latest event when the answer began. Without \
                    `follow` it is the last one in the text: give it as `from` to go on"))),
        (status = 404, description = "There is no such build", body = ErrorView),
        (status = 410, description = "Its log was moved to the server's blob store and is not \
            there any more (`log_missing`), or is damaged there (`log_damaged`)", body = ErrorView),
        (status = 503, description = "Its log is in the server's blob store, which does not \
            give it now", body = ErrorView),
    )
)]
pub(crate) async fn logs(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let params = Params::read(&req, &["from", "follow", "format"])?;
    let after = params.seq("from")?.unwrap_or(0);
    let follow = params.flag("follow")?;
    let format = log_format::asked(&req, &params)?;
    let build = path::build_to_follow(&req, &api).await?;
    // A number from another life of the database must not hide what happens from now on.
    let after = after.min(build.last_seq);
    let hub = &api.live.hub;
    let mut follower = if follow { hub.follow(&build, after) } else { hub.read(&build, after) };
    follower.begin().await?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(log_format::content_type(format))
        .insert_header((header::VARY, "Accept"))
        .insert_header(("Slipway-Last-Seq", build.last_seq))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // nginx would keep a live log back until its buffer is full.
        .insert_header(("X-Accel-Buffering", "no"));
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    let renderer = Renderer::new(format);
    let form = match format {
        Format::JsonLines => Form::Shared(Shape::Lines, message::line),
        Format::Text | Format::Classic | Format::DockerJson => {
            Form::Own(renderer.clone(), String::into_bytes)
        }
    };
    let pieces = Pieces::new(follower, form);
    let log = Log { pieces, renderer, stopping: api.stopping.clone(), follow };
    Ok(response.streaming(log.into_stream()))
}

/// One client's place in one log.
struct Log {
    pieces: Pieces,
    /// For what is told beside the events.
    renderer: Renderer,
    stopping: CancellationToken,
    follow: bool,
}

impl Log {
    /// The log, piece by piece. An error cuts the answer off, so that the client sees that it
    /// is not whole.
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, StoreError>> {
        stream::try_unfold(Some(self), |log| async move {
            let Some(mut log) = log else { return Ok(None) };
            let between = log.follow && log.pieces.whole();
            let piece = tokio::select! {
                biased;
                () = log.stopping.cancelled(), if between => return Ok(Some((log.farewell(), None))),
                piece = log.pieces.next() => piece?,
            };
            Ok(match piece {
                Piece::Bytes(bytes) => Some((bytes, Some(log))),
                Piece::Waiting(waiting) => {
                    let words = log.renderer.aside(Aside::Waiting(&waiting.reason));
                    Some((words.into(), Some(log)))
                }
                Piece::End => None,
            })
        })
    }

    /// What a follower is told who is sent away before the end.
    fn farewell(&self) -> Bytes {
        self.renderer.aside(Aside::Stopping { last_seq: self.pieces.last() }).into()
    }
}
