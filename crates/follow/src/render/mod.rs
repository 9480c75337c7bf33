//! Events as those who follow a build want to read them, a file each.
//!
//! What is rendered is clean already: terminal escapes other than colours, redrawn progress
//! bars, bytes that are no UTF-8 and lines without an end are dealt with where a worker takes
//! them from the engine, before they are rows. So every form, and every follower that is to
//! come, shows the same text.

mod classic;
mod docker_json;
mod json_lines;
mod stage_step;
mod text;

use std::str::FromStr;

use slipway_domain::Event;

pub use classic::Classic;
pub use docker_json::DockerJson;
pub use text::{Text, as_text};

use docker_json::stream;

/// A form of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people: steps with their durations, their output, the states of the build.
    Text,
    /// As Docker's classic builder prints: `Step 1/5 : FROM x`, and output without a prefix.
    Classic,
    /// The same as the JSON stream that a Docker Engine answers a build with, each line ending
    /// in CR and LF.
    DockerJson,
    /// The events themselves, one JSON object a line.
    JsonLines,
}

/// What a follower is told beside the events. It has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside<'a> {
    /// Why the build waits.
    Waiting(&'a str),
    /// This server is about to stop, and this was the last event that was sent.
    Stopping {
        /// The event's number.
        last_seq: i64,
    },
}

/// Renders a sequence of events in one form. Two of them that are given the same events say
/// the same, however the events are cut into batches. Small, and cheap to clone.
#[derive(Debug, Clone)]
pub struct Renderer(Form);

#[derive(Debug, Clone)]
enum Form {
    Text(Text),
    Classic(Classic),
    DockerJson(DockerJson),
    JsonLines,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Text, Self::Classic, Self::DockerJson, Self::JsonLines];

    /// Its name, as a request asks for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Classic => "classic",
            Self::DockerJson => "docker-json",
            Self::JsonLines => "jsonl",
        }
    }
}

impl FromStr for Format {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|format| format.as_str() == word).ok_or(())
    }
}

impl Renderer {
    /// Begins a log.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self(match format {
            Format::Text => Form::Text(Text::default()),
            Format::Classic => Form::Classic(Classic::default()),
            Format::DockerJson => Form::DockerJson(DockerJson::default()),
            Format::JsonLines => Form::JsonLines,
        })
    }

    /// Adds what there is to say of one event to `out`; there may be nothing.
    pub fn render(&mut self, event: &Event, out: &mut String) {
        match &mut self.0 {
            Form::Text(text) => text.render(event, out),
            Form::Classic(classic) => classic.render(event, out),
            Form::DockerJson(json) => json.render(event, out),
            Form::JsonLines => json_lines::render(event, out),
        }
    }

    /// A batch of events.
    pub fn batch(&mut self, events: &[Event]) -> String {
        let mut out = String::new();
        for event in events {
            self.render(event, &mut out);
        }
        out
    }

    /// What is told beside the events.
    #[must_use]
    pub fn aside(&self, aside: Aside<'_>) -> String {
        let words = match aside {
            Aside::Waiting(reason) => format!("waiting: {reason}"),
            Aside::Stopping { last_seq } => {
                format!("this server is stopping; go on with ?follow=true&from={last_seq}")
            }
        };
        let mut out = String::new();
        match &self.0 {
            Form::Text(_) => out = format!("==> {words}\n"),
            Form::Classic(_) => out = format!("{words}\n"),
            Form::DockerJson(_) => stream(&format!("{words}\n"), &mut out),
            Form::JsonLines => json_lines::aside(aside, &mut out),
        }
        out
    }
}
