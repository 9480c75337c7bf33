//! `GET /api/v2/builds/{id}/logs`: the events of a build as a log, in one of several forms.
//!
//! A log may be longer than memory: it is read and sent a batch at a time, and the next
//! batch is read when the client has taken the one before.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures::{Stream, stream};
use slipway_api_types::ErrorView;
use slipway_domain::Event;
use slipway_follow::{Aside, Renderer, Tail};
use slipway_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::waiting::Wait;
use super::{log_format, path};
use crate::Api;
use crate::error::Error;
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
    )
)]
pub(crate) async fn logs(req: HttpRequest, api: web::Data<Api>) -> Result<HttpResponse, Error> {
    let params = Params::read(&req, &["from", "follow", "format"])?;
    let after = params.seq("from")?.unwrap_or(0);
    let follow = params.flag("follow")?;
    let format = log_format::asked(&req, &params)?;
    let build = path::build(&req, &api).await?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(log_format::content_type(format))
        .insert_header((header::VARY, "Accept"))
        .insert_header(("Slipway-Last-Seq", build.last_seq))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // nginx would keep a live log back until its buffer is full.
        .insert_header(("X-Accel-Buffering", "no"));
    if req.method() == Method::HEAD {
        return Ok(response.finish());
    }
    // A number from another life of the database must not hide what happens from now on.
    let after = after.min(build.last_seq);
    let log = Log {
        tail: Tail::new(&api.store, &api.queue, build.id, after),
        wait: Wait::of(&api.store, &build),
        renderer: Renderer::new(format),
        last: after,
        until: if follow { None } else { Some(build.last_seq) },
        stopping: api.stopping.clone(),
        sent_away: false,
    };
    Ok(response.streaming(log.into_stream()))
}

/// What comes next.
enum Next {
    Events(Vec<Event>),
    /// Why the build waits.
    Waiting(String),
    End,
}

/// One client's place in one log.
struct Log {
    tail: Tail,
    wait: Wait,
    renderer: Renderer,
    /// The last event that was rendered.
    last: i64,
    /// The last event to render; none for a follower.
    until: Option<i64>,
    stopping: CancellationToken,
    /// The server stopped before the build was over.
    sent_away: bool,
}

impl Log {
    /// The text, batch by batch. An error cuts the answer off, so that the client sees
    /// that it is not whole.
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, StoreError>> {
        stream::try_unfold(Some(self), |log| async move {
            let Some(mut log) = log else { return Ok(None) };
            loop {
                let text = match log.next().await? {
                    Next::Events(batch) => log.renderer.batch(&batch),
                    Next::Waiting(reason) => log.renderer.aside(Aside::Waiting(&reason)),
                    Next::End => return Ok(log.farewell().map(|text| (text, None))),
                };
                // An empty chunk would end the answer.
                if !text.is_empty() {
                    return Ok(Some((Bytes::from(text), Some(log))));
                }
            }
        })
    }

    async fn next(&mut self) -> Result<Next, StoreError> {
        let batch = match self.until {
            Some(until) if self.last >= until => None,
            Some(until) => self.tail.ready().await?.map(|mut batch| {
                batch.retain(|event| event.seq <= until);
                batch
            }),
            None => tokio::select! {
                biased;
                () = self.stopping.cancelled() => {
                    self.sent_away = true;
                    None
                }
                batch = self.tail.next() => batch?,
                waiting = self.wait.news() => return Ok(Next::Waiting(waiting?.reason)),
            },
        };
        let Some(batch) = batch else { return Ok(Next::End) };
        self.wait.note(&batch);
        self.last = batch.last().map_or(self.last, |event| event.seq);
        Ok(Next::Events(batch))
    }

    /// What a follower is told who is sent away before the end.
    fn farewell(&self) -> Option<Bytes> {
        let words = Aside::Stopping { last_seq: self.last };
        self.sent_away.then(|| Bytes::from(self.renderer.aside(words)))
    }
}
