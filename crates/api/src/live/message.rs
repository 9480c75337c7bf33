//! Server-sent events, as the HTML standard has them.

use std::fmt::Write as _;
use std::io::Write as _;

use actix_web::HttpResponseBuilder;
use actix_web::http::header;
use bytes::Bytes;
use serde::Serialize;
use slipway_domain::{Event, EventBody};

/// How a stream of them begins: when to come back after it broke.
pub(crate) const GREETING: &[u8] = b"retry: 2000\n\n";
/// What keeps a silent stream alive.
pub(crate) const STILL_HERE: &[u8] = b": still here\n\n";
/// What is said while the store does not answer.
pub(crate) const PLEASE_WAIT: &[u8] = b": the store does not answer, please wait\n\n";

/// Sets the headers of a stream.
pub(crate) fn headers(response: &mut HttpResponseBuilder) {
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // nginx would keep the events back until its buffer is full.
        .insert_header(("X-Accel-Buffering", "no"));
}

/// Adds the message of one event: its number is its id.
pub(crate) fn of_event(event: &Event, out: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "id: {}\nevent: {}\ndata: ", event.seq, kind(&event.body));
    json(event, out);
    out.extend_from_slice(b"\n\n");
}

/// Adds an event as JSON. Newlines are escaped in it, so it is one line.
pub(crate) fn json(event: &Event, out: &mut Vec<u8>) {
    // Words, numbers and strings: this cannot fail to serialise.
    let _ = serde_json::to_writer(out, event);
}

/// Adds an event as a JSON line.
pub(crate) fn line(event: &Event, out: &mut Vec<u8>) {
    json(event, out);
    out.push(b'\n');
}

/// A message without an id: it leaves the client's place where it is.
pub(crate) fn aside(event: &str, data: &impl Serialize) -> Bytes {
    // What is told is words, numbers and strings: this cannot fail to serialise.
    let data = serde_json::to_string(data).unwrap_or_default();
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(out, "event: {event}\ndata: {data}\n\n");
    out.into()
}

/// The last message, with the place to go on from.
pub(crate) fn last_word(event: &str, last_seq: i64) -> Bytes {
    aside(event, &serde_json::json!({ "last_seq": last_seq }))
}

/// The name of an event's kind.
pub(crate) const fn kind(body: &EventBody) -> &'static str {
    match body {
        EventBody::State { .. } => "state",
        EventBody::Step { .. } => "step",
        EventBody::Log { .. } => "log",
    }
}
