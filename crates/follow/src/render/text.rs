//! Events as the text a person reads on a terminal.

use std::fmt::Write as _;

use slipway_domain::{BuildState, Event, EventBody, Outcome, StepStatus};

/// Renders a sequence of events. Remembers which step wrote last, so that output of
/// steps that run side by side is told apart by a heading.
#[derive(Debug, Clone, Default)]
pub struct Text {
    step: Option<u32>,
}

impl Text {
    /// Adds the text of one event to `out`.
    pub fn render(&mut self, event: &Event, out: &mut String) {
        match &event.body {
            EventBody::Log { step, text, .. } => {
                if let Some(step) = step
                    && self.step.is_some_and(|last| last != *step)
                {
                    // Writing to a String cannot fail.
                    let _ = writeln!(out, "#{step} …");
                }
                self.step = step.or(self.step);
                out.push_str(text);
            }
            EventBody::Step { step, name, status, error, duration_ms } => {
                self.step = Some(*step);
                let took = duration_ms.map(seconds).unwrap_or_default();
                let _ = match status {
                    StepStatus::Started => writeln!(out, "#{step} {name}"),
                    StepStatus::Cached => writeln!(out, "#{step} {name}\n#{step} CACHED"),
                    StepStatus::Completed => writeln!(out, "#{step} DONE{took}"),
                    StepStatus::Failed => {
                        let error = error.as_deref().unwrap_or("failed");
                        writeln!(out, "#{step} ERROR{took}: {error}")
                    }
                };
            }
            EventBody::State { status, host, note, digest, failure } => {
                self.step = None;
                let _ = match status {
                    BuildState::Queued => match note {
                        Some(note) => writeln!(out, "==> queued: {note}"),
                        None => writeln!(out, "==> queued"),
                    },
                    BuildState::Running(stage) => match host {
                        Some(host) => writeln!(out, "==> {stage} on {host}"),
                        None => writeln!(out, "==> {stage}"),
                    },
                    BuildState::Finished(Outcome::Succeeded) => match digest {
                        Some(digest) => writeln!(out, "==> succeeded {digest}"),
                        None => writeln!(out, "==> succeeded"),
                    },
                    BuildState::Finished(outcome) => {
                        let word = BuildState::Finished(*outcome);
                        match failure {
                            Some(failure) => {
                                let hint = failure.hint.as_deref().unwrap_or_default();
                                let gap = if hint.is_empty() { "" } else { "\n    " };
                                writeln!(out, "==> {word}: {failure}{gap}{hint}")
                            }
                            None => writeln!(out, "==> {word}"),
                        }
                    }
                };
            }
        }
    }
}

/// The text of a batch of events.
#[must_use]
pub fn as_text(text: &mut Text, events: &[Event]) -> String {
    let mut out = String::new();
    for event in events {
        text.render(event, &mut out);
    }
    out
}

fn seconds(ms: i64) -> String {
    let whole = ms / 1000;
    let tenths = ms % 1000 / 100;
    format!(" {whole}.{tenths}s")
}
