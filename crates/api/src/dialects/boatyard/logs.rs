//! The log as boatyard's clients read it: everything so far, in one JSON string.
//!
//! The string may be longer than memory, so it is escaped and sent a batch at a time.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::{Stream, stream};
use slipway_domain::{BuildId, Event, EventBody};
use slipway_follow::{Tail, Text, as_text};
use slipway_store::StoreError;
use slipway_store::builds::Build;

use crate::Api;
use crate::error::Error;
use crate::live::head_of_stream;

/// What is shown before the first line.
const NOTHING_YET: &str = "Fetching logs...";

/// Everything so far.
pub(super) async fn answer(
    req: &HttpRequest,
    api: &Api,
    build: &Build,
) -> Result<HttpResponse, Error> {
    let mut tail = Tail::new(&api.store, &api.queue, build.id, 0);
    let first = tail.ready().await?.unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").insert_header((header::CACHE_CONTROL, "no-cache"));
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    // Before the first line a build has no more events than fit into the first batch:
    // one for each state.
    let spoken = build.state.is_finished() || first.iter().any(is_line);
    if !spoken {
        return Ok(response.body(format!("{{\"Logs\":\"{NOTHING_YET}\"}}")));
    }
    let mut text = Text::default();
    let opening = format!("{{\"Logs\":\"{}", escaped(&as_text(&mut text, &first)));
    let rest = Rest { tail, build: build.id, text, last: last(&first), until: build.last_seq };
    Ok(response.streaming(with_opening(opening.into(), rest)))
}

/// The rest of one log.
struct Rest {
    tail: Tail,
    build: BuildId,
    text: Text,
    last: i64,
    until: i64,
}

fn with_opening(opening: Bytes, rest: Rest) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold((Some(opening), Some(rest)), |(opening, rest)| async move {
        let Some(mut rest) = rest else { return Ok(None) };
        if let Some(opening) = opening {
            return Ok(Some((opening, (None, Some(rest)))));
        }
        Ok(Some(match rest.next().await? {
            Some(text) => (Bytes::from(escaped(&text)), (None, Some(rest))),
            None => (Bytes::from_static(b"\"}"), (None, None)),
        }))
    })
}

impl Rest {
    /// The next text, never empty: an empty chunk would end the answer.
    async fn next(&mut self) -> Result<Option<String>, StoreError> {
        while self.last < self.until {
            // All of them were there: the build was forgotten meanwhile.
            let gone = || StoreError::LogMissing(self.build);
            let batch = self.tail.ready().await?.ok_or_else(gone)?;
            self.last = last(&batch);
            let text = as_text(&mut self.text, &batch);
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }
}

fn is_line(event: &Event) -> bool {
    match event.body {
        EventBody::Step { .. } | EventBody::Log { .. } => true,
        EventBody::State { .. } => false,
    }
}

fn last(batch: &[Event]) -> i64 {
    batch.last().map_or(0, |event| event.seq)
}

/// Text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    // A string cannot fail to serialise.
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
