//! A log as Docker's classic builder prints one.
//!
//! What reads such logs looks for lines by their beginnings: `Step 2/5 : RUN make`,
//! ` ---> Using cache`, `Successfully built`. So steps are named so whatever built the image;
//! output stands alone on its lines; and what the classic builder does not tell, such as
//! stages of the build and durations, is not there.

use std::fmt::Write as _;

use slipway_domain::{BuildState, Event, EventBody, LogStream, Outcome, StepStatus};

use super::stage_step;

/// Renders a sequence of events. Remembers which step began last: the classic builder begins
/// one and then finds it in its cache, BuildKit does not begin what it has.
#[derive(Debug, Clone, Default)]
pub struct Classic {
    begun: Option<u32>,
}

/// Something that a classic log tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// A line of the builder's own, without its newline.
    Line(String),
    /// Output: one line or more, each with its newline.
    Output(&'a str),
    /// Lines of a pull or a push, each with its newline.
    Progress(&'a str),
    /// Why the build did not succeed.
    Error(&'a str),
}

impl Classic {
    /// Adds the text of one event to `out`.
    pub fn render(&mut self, event: &Event, out: &mut String) {
        self.tell(event, |told| match told {
            // Writing to a String cannot fail.
            Told::Line(line) => drop(writeln!(out, "{line}")),
            Told::Output(text) | Told::Progress(text) => out.push_str(text),
            Told::Error(message) => drop(writeln!(out, "{message}")),
        });
    }

    /// Gives on what there is to tell of one event, in order.
    pub(super) fn tell<'a>(&mut self, event: &'a Event, mut tell: impl FnMut(Told<'a>)) {
        match &event.body {
            EventBody::Log { stream, text, step } => match (stream, step) {
                (LogStream::Progress, Some(_)) => progress_of_a_step(text, tell),
                (LogStream::Progress, None) => tell(Told::Progress(text)),
                (LogStream::Stdout | LogStream::Stderr | LogStream::Slipway, _) => {
                    tell(Told::Output(text));
                }
            },
            EventBody::Step { step, name, status, .. } => {
                let begins = match status {
                    StepStatus::Started => true,
                    StepStatus::Cached => self.begun != Some(*step),
                    StepStatus::Completed | StepStatus::Failed => false,
                };
                let Some(place) = stage_step::read(name) else { return };
                if begins {
                    self.begun = Some(*step);
                    let (number, total) = (place.number, place.total);
                    tell(Told::Line(format!("Step {number}/{total} : {}", place.instruction)));
                }
                if *status == StepStatus::Cached {
                    tell(Told::Line(" ---> Using cache".into()));
                }
            }
            EventBody::State { status, note, failure, .. } => match status {
                BuildState::Queued => {
                    // Another attempt, whose steps begin again.
                    self.begun = None;
                    if let Some(note) = note {
                        tell(Told::Line(note.clone()));
                    }
                }
                BuildState::Running(_) | BuildState::Finished(Outcome::Succeeded) => {}
                BuildState::Finished(Outcome::Cancelled) => tell(Told::Error("cancelled")),
                BuildState::Finished(outcome @ (Outcome::Failed | Outcome::TimedOut)) => {
                    let message = failure.as_ref().map(|failure| failure.message.as_str());
                    tell(Told::Error(message.unwrap_or(match outcome {
                        Outcome::TimedOut => "timed out",
                        Outcome::Failed | Outcome::Succeeded | Outcome::Cancelled => "failed",
                    })));
                }
            },
        }
    }
}

/// BuildKit says which image it made among what it does to export it.
fn progress_of_a_step<'a>(text: &'a str, mut tell: impl FnMut(Told<'a>)) {
    for line in text.split_inclusive('\n') {
        match image(line.trim_end()) {
            Some(id) => tell(Told::Line(format!("Successfully built {id}"))),
            None => tell(Told::Progress(line)),
        }
    }
}

/// The image's id, where a line tells that it is there: the digest of its configuration, as
/// exporters of engines with a store of their own and of those with containerd's say it.
fn image(line: &str) -> Option<&str> {
    let done = line.strip_suffix(" done")?;
    let digest = done
        .strip_prefix("writing image sha256:")
        .or_else(|| done.strip_prefix("exporting config sha256:"))?;
    // A size may follow.
    digest.split(' ').next().filter(|id| !id.is_empty())
}
