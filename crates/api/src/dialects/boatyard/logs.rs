//! The log as boatyard's clients read it: everything so far, in one JSON string.
//!
//! The string may be longer than memory, so it is escaped and sent a batch at a time.

use actix_web::http::{Method, header};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::{Stream, stream};
use slipway_domain::{Event, EventBody};
use slipway_follow::{Text, as_text};
use slipway_store::StoreError;
use slipway_store::builds::Build;

use crate::Api;
use crate::error::Error;
use crate::live::{Past, head_of_stream};

/// What is shown before the first line.
const NOTHING_YET: &str = "Fetching logs...";

/// Everything so far.
pub(super) async fn answer(
    req: &HttpRequest,
    api: &Api,
    build: &Build,
) -> Result<HttpResponse, Error> {
    let mut past = Past::of(&api.live.hub, build);
    let (mut text, mut first, mut spoken) = (Text::default(), String::new(), false);
    // Before the first line there are no more events than one for each state.
    while !spoken && let Some(part) = past.next().await? {
        spoken = part.events().iter().any(is_line);
        first += &as_text(&mut text, part.events());
    }
    let mut response = HttpResponse::Ok();
    response.content_type("application/json").insert_header((header::CACHE_CONTROL, "no-cache"));
    if req.method() == Method::HEAD {
        return Ok(head_of_stream(&mut response));
    }
    if !spoken && !build.state.is_finished() {
        return Ok(response.body(format!("{{\"Logs\":\"{NOTHING_YET}\"}}")));
    }
    let opening = format!("{{\"Logs\":\"{}", escaped(&first));
    Ok(response.streaming(with_opening(opening.into(), (past, text))))
}

fn with_opening(
    opening: Bytes,
    rest: (Past, Text),
) -> impl Stream<Item = Result<Bytes, StoreError>> {
    stream::try_unfold((Some(opening), Some(rest)), |(opening, rest)| async move {
        let Some((mut past, mut text)) = rest else { return Ok(None) };
        if let Some(opening) = opening {
            return Ok(Some((opening, (None, Some((past, text))))));
        }
        Ok(Some(match past.next_text(|events| as_text(&mut text, events)).await? {
            Some(more) => (Bytes::from(escaped(&more)), (None, Some((past, text)))),
            None => (Bytes::from_static(b"\"}"), (None, None)),
        }))
    })
}

fn is_line(event: &Event) -> bool {
    match event.body {
        EventBody::Step { .. } | EventBody::Log { .. } => true,
        EventBody::State { .. } => false,
    }
}

/// Text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    // A string cannot fail to serialise.
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}
