//! BuildKit's trace: what it reports of its graph, as steps and log bytes.
//!
//! Each `moby.buildkit.trace` line holds a `StatusResponse` (api/services/control in
//! moby/buildkit). Its vertexes are the steps, and a vertex is reported whenever something
//! about it changed, under the same digest. Observed on engine 20.10:
//!
//! - the steps of the Dockerfile are announced together, before any of them starts;
//! - a vertex can complete and start again at once: `FROM` completes when it is resolved,
//!   starts again, and completes when it is pulled. An end is therefore held back until the
//!   next line has shown that it lasts, or a step that builds on it has begun;
//! - a vertex from the cache is `cached`, with start and end at the same time; one that ran
//!   in this build can be reported once more as cached, when something else asks for it.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus};
use prost::Message;
use slipway_domain::{LogStream, StepStatus};

use super::faults::FailedStep;
use super::layers;
use super::progress::Progress;
use super::shared::{self, Announced};

/// What follows the bracket in the line that the daemon puts into the output where it left
/// something out: `[output clipped, log limit 200KiB/s reached]`.
const CLIPPED: &[u8] = b"output clipped, log limit ";
const CLIPPED_NOTE: &str = "the docker host clipped the output of this step; its daemon sets the \
    limits, as BUILDKIT_STEP_LOG_MAX_SIZE and BUILDKIT_STEP_LOG_MAX_SPEED in its environment\n";
/// What BuildKit puts at a step that it stopped because another one failed.
const STOPPED: &str = "context canceled";

/// What is known of a build so far.
#[derive(Debug, Default)]
pub(super) struct Trace {
    steps: HashMap<String, Step>,
    /// Steps with an end that is held back.
    ending: Vec<String>,
    statuses: HashSet<(String, String)>,
    failed: Option<FailedStep>,
    announced: Announced,
}

#[derive(Debug)]
struct Step {
    number: u32,
    name: String,
    /// Nanoseconds since the epoch.
    started: Option<i64>,
    end: Option<End>,
    over: bool,
    clipped: bool,
}

#[derive(Debug)]
struct End {
    status: StepStatus,
    error: Option<String>,
    completed: Option<i64>,
}

/// The bytes of a trace line's `aux`.
pub(super) fn decode(aux: &str) -> Option<StatusResponse> {
    StatusResponse::decode(STANDARD.decode(aux).ok()?.as_slice()).ok()
}

impl Trace {
    /// Adds what a line of the trace says to `news`.
    pub(super) fn apply(&mut self, line: StatusResponse, news: &mut Vec<Progress>) {
        for vertex in &line.vertexes {
            if vertex.completed.is_none() && vertex.error.is_empty() {
                self.ending.retain(|digest| *digest != vertex.digest);
            }
        }
        self.finish(news);
        for vertex in line.vertexes {
            self.vertex(vertex, news);
        }
        for status in line.statuses {
            self.status(&status, news);
        }
        for log in line.logs {
            self.log(log, news);
        }
        for warning in line.warnings {
            let step = self.steps.get(&warning.vertex).map(|step| step.number);
            let text = String::from_utf8_lossy(&warning.short);
            news.push(Progress::line(step, &format!("warning: {text}")));
        }
    }

    /// Adds the ends that were held back to `news`. To be called at the end.
    pub(super) fn finish(&mut self, news: &mut Vec<Progress>) {
        for digest in std::mem::take(&mut self.ending) {
            self.end(&digest, news);
        }
    }

    /// Adds the ends of what a step that begins builds on: one line can tell of both, and a
    /// step from the cache has nothing but its end to be told by.
    fn finish_inputs(&mut self, inputs: &[String], news: &mut Vec<Progress>) {
        let (over, ending): (Vec<_>, _) =
            self.ending.drain(..).partition(|digest| inputs.contains(digest));
        self.ending = ending;
        for digest in over {
            self.end(&digest, news);
        }
    }

    fn end(&mut self, digest: &str, news: &mut Vec<Progress>) {
        let Some(step) = self.steps.get_mut(digest) else { return };
        let Some(end) = step.end.take() else { return };
        step.over = true;
        news.push(Progress::Step {
            step: step.number,
            name: step.name.clone(),
            status: end.status,
            error: end.error,
            duration_ms: end
                .completed
                .zip(step.started)
                .map(|(completed, started)| (completed - started).max(0) / 1_000_000),
        });
    }

    /// The step that failed, for the words of the failure.
    pub(super) fn failed(&self) -> Option<&FailedStep> {
        self.failed.as_ref()
    }

    /// Whether a step that failed can only be one that another build runs for this one.
    pub(super) fn failed_elsewhere(&self) -> bool {
        self.failed.is_none() && self.announced.has_silent()
    }

    /// A step that another build runs for this one.
    fn taken_over(&mut self, digest: String, name: String, news: &mut Vec<Progress>) {
        let number = self.next_number();
        let step = Step {
            number,
            name: name.clone(),
            started: None,
            end: None,
            over: true,
            clipped: false,
        };
        self.steps.insert(digest, step);
        let (error, duration_ms, status) = (None, None, StepStatus::Cached);
        news.push(Progress::Step { step: number, name, status, error, duration_ms });
        let (stream, bytes) = (LogStream::Slipway, shared::NOTE.into());
        news.push(Progress::Log { step: Some(number), stream, bytes });
    }

    fn next_number(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    fn vertex(&mut self, vertex: Vertex, news: &mut Vec<Progress>) {
        for (digest, name) in self.announced.see(&vertex) {
            self.taken_over(digest, name, news);
        }
        if vertex.started.is_none() && !vertex.cached && vertex.error.is_empty() {
            return;
        }
        self.finish_inputs(&vertex.inputs, news);
        let number = self.next_number();
        let step = self.steps.entry(vertex.digest.clone()).or_insert_with(|| Step {
            number,
            name: vertex.name,
            started: None,
            end: None,
            over: false,
            clipped: false,
        });
        if step.over {
            return;
        }
        if step.started.is_none() {
            step.started = vertex.started.map(|at| nanoseconds(at.seconds, at.nanos));
            if !vertex.cached && step.started.is_some() {
                news.push(Progress::Step {
                    step: step.number,
                    name: step.name.clone(),
                    status: StepStatus::Started,
                    error: None,
                    duration_ms: None,
                });
            }
        }
        let status = match () {
            () if !vertex.error.is_empty() => StepStatus::Failed,
            // It ran, and is now at hand for another.
            () if vertex.cached && step.end.is_none() => StepStatus::Cached,
            () if vertex.completed.is_some() => StepStatus::Completed,
            () => return,
        };
        if status == StepStatus::Failed {
            let failed = FailedStep::of_vertex(&step.name);
            // Those that were stopped are not the reason.
            if self.failed.is_none() && !vertex.error.ends_with(STOPPED) {
                self.failed = Some(failed);
            }
        }
        let error = (!vertex.error.is_empty()).then_some(vertex.error);
        let completed = vertex.completed.map(|at| nanoseconds(at.seconds, at.nanos));
        step.end = Some(End { status, error, completed });
        if !self.ending.contains(&vertex.digest) {
            self.ending.push(vertex.digest);
        }
    }

    fn status(&mut self, status: &VertexStatus, news: &mut Vec<Progress>) {
        // The image's name on the host is ours alone.
        if status.id.starts_with("naming to ") {
            return;
        }
        let done = status.completed.is_some();
        let what = layers::describe(&status.id, status.total);
        let told =
            (status.vertex.clone(), format!("{}{}", status.id, if done { " done" } else { "" }));
        if !self.statuses.insert(told) {
            return;
        }
        let step = self.steps.get(&status.vertex).map(|step| step.number);
        let text = if done { format!("{what} done") } else { what };
        news.push(Progress::line(step, &text));
    }

    fn log(&mut self, log: VertexLog, news: &mut Vec<Progress>) {
        let mut step = self.steps.get_mut(&log.vertex);
        let number = step.as_ref().map(|step| step.number);
        let stream = if log.stream == 2 { LogStream::Stderr } else { LogStream::Stdout };
        let clipped = is_clipped(&log.msg);
        news.push(Progress::Log { step: number, stream, bytes: log.msg.into() });
        if let Some(step) = step.as_mut().filter(|step| clipped && !step.clipped) {
            step.clipped = true;
            let note = CLIPPED_NOTE.into();
            news.push(Progress::Log { step: number, stream: LogStream::Slipway, bytes: note });
        }
    }
}

fn is_clipped(output: &[u8]) -> bool {
    output.split(|byte| *byte == b'[').skip(1).any(|rest| rest.starts_with(CLIPPED))
}

fn nanoseconds(seconds: i64, nanos: i32) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos))
}

#[cfg(test)]
mod tests;
