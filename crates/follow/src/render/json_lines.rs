//! The events themselves, one JSON object a line.

use serde::Serialize;
use slipway_domain::Event;

use super::Aside;

/// What is told beside the events: it has no `seq`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Waiting { reason: &'a str },
    Reconnect { last_seq: i64 },
}

/// Adds the line of one event to `out`.
pub(super) fn render(event: &Event, out: &mut String) {
    write(event, out);
}

/// Adds the line of an aside to `out`.
pub(super) fn aside(aside: Aside<'_>, out: &mut String) {
    let line = match aside {
        Aside::Waiting(reason) => Line::Waiting { reason },
        Aside::Stopping { last_seq } => Line::Reconnect { last_seq },
    };
    write(&line, out);
}

fn write(line: &impl Serialize, out: &mut String) {
    // Words, numbers and strings: this cannot fail to serialise. Newlines are escaped in JSON.
    out.push_str(&serde_json::to_string(line).unwrap_or_default());
    out.push('\n');
}
