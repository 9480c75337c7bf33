//! A log as the JSON stream that a Docker Engine answers a build and a push with.
//!
//! One object a line, each line ending in CR and LF, as the engine has it (`pkg/jsonmessage`
//! and `pkg/streamformatter` in moby). Concatenated, the texts of `stream` are the classic
//! log.

use serde::Serialize;
use slipway_domain::Event;

use super::classic::{Classic, Told};

/// Renders a sequence of events.
#[derive(Debug, Clone, Default)]
pub struct DockerJson(Classic);

#[derive(Serialize)]
struct Stream<'a> {
    stream: &'a str,
}

#[derive(Serialize)]
struct Status<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
}

#[derive(Serialize)]
struct Failed<'a> {
    #[serde(rename = "errorDetail")]
    detail: Detail<'a>,
    error: &'a str,
}

#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
}

impl DockerJson {
    /// Adds the lines of one event to `out`.
    pub fn render(&mut self, event: &Event, out: &mut String) {
        self.0.tell(event, |told| match told {
            Told::Line(line) => stream(&format!("{line}\n"), out),
            Told::Output(text) => {
                text.split_inclusive('\n').for_each(|line| stream(line, out));
            }
            Told::Progress(text) => text.lines().for_each(|line| write(&status(line), out)),
            Told::Error(message) => {
                write(&Failed { detail: Detail { message }, error: message }, out);
            }
        });
    }
}

/// Adds a line that says `text`, its newline included.
pub(super) fn stream(text: &str, out: &mut String) {
    write(&Stream { stream: text }, out);
}

fn write(line: &impl Serialize, out: &mut String) {
    // Strings only: this cannot fail to serialise.
    out.push_str(&serde_json::to_string(line).unwrap_or_default());
    out.push_str("\r\n");
}

/// `888ef4bed48c: Pushed` is what became of a layer. What the engine says of the whole
/// (`Digest: sha256:…`, `1.2: digest: sha256:… size: 527`) has no id.
fn status(line: &str) -> Status<'_> {
    match line.split_once(": ") {
        Some((id, status)) if is_id(id) && !status.starts_with("digest: ") => {
            Status { status, id: Some(id) }
        }
        Some(_) | None => Status { status: line, id: None },
    }
}

fn is_id(word: &str) -> bool {
    let whole = matches!(word, "Digest" | "Status" | "warning");
    !whole && !word.is_empty() && !word.contains([' ', ':', '/'])
}
