//! BuildKit's trace: what it reports of its graph, as steps and log bytes.
//!
//! Each `moby.buildkit.trace` line holds a `StatusResponse` (api/services/control in
//! moby/buildkit). Its vertexes are the steps, and a vertex is reported whenever something
//! about it changed, under the same digest. Observed on engine 20.10:
//!
//! - the steps of the Dockerfile are announced together, before any of them starts;
//! - a vertex can complete and start again at once: `FROM` completes when it is resolved,
//!   starts again, and completes when it is pulled. An end is therefore held back until the
//!   next line has shown that it lasts;
//! - a vertex from the cache is `cached`, with start and end at the same time; one that ran
//!   in this build can be reported once more as cached, when something else asks for it.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus};
use prost::Message;
use slipway_domain::{LogStream, StepStatus};

use super::faults::FailedStep;
use super::progress::Progress;

/// Part of the line that the daemon puts into the output where it left something out:
/// `[output clipped, log limit 200KiB/s reached]`.
const CLIPPED: &[u8] = b"[output clipped, log limit ";
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
    }

    /// Adds the ends that were held back to `news`. To be called at the end.
    pub(super) fn finish(&mut self, news: &mut Vec<Progress>) {
        for digest in std::mem::take(&mut self.ending) {
            let Some(step) = self.steps.get_mut(&digest) else { continue };
            let Some(end) = step.end.take() else { continue };
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
    }

    /// The step that failed, for the words of the failure.
    pub(super) fn failed(&self) -> Option<&FailedStep> {
        self.failed.as_ref()
    }

    fn vertex(&mut self, vertex: Vertex, news: &mut Vec<Progress>) {
        if vertex.started.is_none() && !vertex.cached && vertex.error.is_empty() {
            return;
        }
        let number = u32::try_from(self.steps.len()).unwrap_or(u32::MAX).saturating_add(1);
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
        let what = describe(status);
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
        let clipped = log.msg.windows(CLIPPED.len()).any(|window| window == CLIPPED);
        news.push(Progress::Log { step: number, stream, bytes: log.msg.into() });
        if let Some(step) = step.as_mut().filter(|step| clipped && !step.clipped) {
            step.clipped = true;
            let note = CLIPPED_NOTE.into();
            news.push(Progress::Log { step: number, stream: LogStream::Slipway, bytes: note });
        }
    }
}

/// `extracting sha256:888ef4bed48c`, `sha256:888ef4bed48c 1.1 MB`.
fn describe(status: &VertexStatus) -> String {
    let words = status.id.split(' ').map(|word| match word.split_once("sha256:") {
        Some((before, digits)) => {
            format!("{before}sha256:{}", digits.get(..12).unwrap_or(digits))
        }
        None => word.to_owned(),
    });
    let mut text = words.collect::<Vec<_>>().join(" ");
    if status.total > 0 {
        text.push_str(&format!(" {}", size(status.total)));
    }
    text
}

fn size(bytes: i64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{}.{} kB", bytes / 1_000, bytes % 1_000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

fn nanoseconds(seconds: i64, nanos: i32) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos))
}
