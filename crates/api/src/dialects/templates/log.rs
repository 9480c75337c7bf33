//! The log as clients of the templates' service read it: the lines of Docker's classic builder,
//! last in the answer.
//!
//! It may be longer than memory, so that of one build is sent a batch at a time. In a list of
//! builds each has only its end.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::{Stream, stream};
use slipway_follow::{Format, Renderer};
use slipway_store::builds::Build;
use slipway_store::{StoreError, events};

use super::NO_CACHE;
use super::status::Standing;
use crate::Api;
use crate::error::{Error, with_causes};
use crate::live::{Past, head_of_stream};

/// Events that are looked at for the end of a log, at 64 KiB of text each.
const LATEST_EVENTS: u16 = 16;
/// Lines of it that are shown.
const LATEST_LINES: usize = 100;

/// A build with its whole log so far. That it is not to be had is found before the answer begins;
/// later, all there is to do is to break it off.
pub(super) async fn answer(
    req: &HttpRequest,
    api: &Api,
    build: &Build,
) -> Result<HttpResponse, Error> {
    let mut lines = Lines {
        past: Past::of(&api.live.hub, build),
        text: Renderer::new(Format::Classic),
        any: false,
    };
    let first = lines.next().await?.unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").insert_header(NO_CACHE);
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    let opening = format!("{}{first}", opened(build));
    Ok(response.streaming(pieces(opening, lines)))
}

/// A build with the end of its log, as JSON.
pub(super) async fn in_short(api: &Api, build: &Build) -> Result<String, StoreError> {
    let after = build.last_seq.saturating_sub(i64::from(LATEST_EVENTS)).max(0);
    let read = events::after(&api.store, build.id, after, LATEST_EVENTS).await;
    let mut batch = match read {
        // One of many, and the others are to be had.
        Err(error @ StoreError::LogAway { .. }) => {
            tracing::warn!("a list has a build without its log: {}", with_causes(&error));
            Vec::new()
        }
        Err(StoreError::LogMissing(_) | StoreError::LogDamaged { .. }) => Vec::new(),
        read => read?,
    };
    batch.retain(|event| event.seq <= build.last_seq);
    let text = Renderer::new(Format::Classic).batch(&batch);
    let all: Vec<&str> = text.lines().collect();
    let shown = all.get(all.len().saturating_sub(LATEST_LINES)..).unwrap_or_default();
    let lines: Vec<String> = shown.iter().map(|line| quoted(line)).collect();
    Ok(format!("{}{}]}}", opened(build), lines.join(",")))
}

/// The lines of one log that are still to come.
struct Lines {
    past: Past,
    text: Renderer,
    /// Whether a line was sent already, which wants a comma after it.
    any: bool,
}

fn pieces(opening: String, lines: Lines) -> impl Stream<Item = Result<Bytes, StoreError>> {
    let state = (Some(Bytes::from(opening)), Some(lines));
    stream::try_unfold(state, |(opening, lines)| async move {
        let Some(mut lines) = lines else { return Ok(None) };
        if let Some(opening) = opening {
            return Ok(Some((opening, (None, Some(lines)))));
        }
        Ok(Some(match lines.next().await? {
            Some(text) => (Bytes::from(text), (None, Some(lines))),
            None => (Bytes::from_static(b"]}"), (None, None)),
        }))
    })
}

impl Lines {
    /// The next lines as JSON.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        let Self { past, text, any } = self;
        past.next_text(|events| {
            let mut out = String::new();
            // Every event's text ends where a line does.
            for line in text.batch(events).lines() {
                if *any {
                    out.push(',');
                }
                *any = true;
                out.push_str(&quoted(line));
            }
            out
        })
        .await
    }
}

/// A build's JSON up to where its lines begin.
fn opened(build: &Build) -> String {
    // Texts, times and an id: this cannot fail to serialise.
    let object = serde_json::to_string(&Standing::of(build)).unwrap_or_default();
    format!("{},\"logs\":[", object.strip_suffix('}').unwrap_or_default())
}

fn quoted(line: &str) -> String {
    // A string cannot fail to serialise.
    serde_json::to_string(line).unwrap_or_default()
}
