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
use super::layers;
use super::progress::Progress;

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
mod tests {
    use super::*;

    /// A vertex as the trace has it, its times in milliseconds.
    fn vertex(digest: &str, started: Option<i32>, completed: Option<i32>) -> Vertex {
        let mut vertex = Vertex {
            digest: digest.to_owned(),
            name: format!("[1/1] {digest}"),
            ..Vertex::default()
        };
        vertex.started = started.map(|_| Default::default());
        vertex.completed = completed.map(|_| Default::default());
        if let Some((at, ms)) = vertex.started.as_mut().zip(started) {
            at.nanos = ms * 1_000_000;
        }
        if let Some((at, ms)) = vertex.completed.as_mut().zip(completed) {
            at.nanos = ms * 1_000_000;
        }
        vertex
    }

    /// What a trace tells, each line of it one `StatusResponse`.
    fn told(lines: Vec<Vec<Vertex>>) -> Vec<String> {
        let (mut trace, mut news) = (Trace::default(), Vec::new());
        for vertexes in lines {
            trace.apply(StatusResponse { vertexes, ..StatusResponse::default() }, &mut news);
        }
        trace.finish(&mut news);
        let tell = |item| match item {
            Progress::Step { step, name, status, error, duration_ms } => {
                let ms = duration_ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
                let error = error.map(|error| format!(" {error}")).unwrap_or_default();
                format!("{step} {} {status:?}{ms}{error}", name.trim_start_matches("[1/1] "))
            }
            Progress::Log { bytes, .. } => String::from_utf8_lossy(&bytes).into_owned(),
        };
        news.into_iter().map(tell).collect()
    }

    #[test]
    fn a_step_that_is_announced_runs_and_ends() {
        let lines = vec![
            vec![vertex("a", None, None), vertex("b", None, None)],
            vec![vertex("b", Some(1), None)],
            vec![vertex("b", Some(1), Some(8))],
            vec![vertex("a", Some(9), None), vertex("b", Some(1), Some(8))],
        ];
        // Numbers go by what runs, not by what is announced.
        assert_eq!(told(lines), ["1 b Started", "1 b Completed 7 ms", "2 a Started"]);
    }

    #[test]
    fn an_end_that_does_not_last_is_not_told() {
        let lines = vec![
            vec![vertex("from", Some(1), None)],
            vec![vertex("from", Some(1), Some(1))],
            vec![vertex("from", Some(2), None)],
            vec![vertex("from", Some(2), Some(99))],
            vec![vertex("run", Some(99), None)],
        ];
        assert_eq!(told(lines), ["1 from Started", "1 from Completed 98 ms", "2 run Started"]);
    }

    #[test]
    fn from_the_cache() {
        let cached = |digest| Vertex { cached: true, ..vertex(digest, Some(5), Some(5)) };
        let lines = vec![
            vec![cached("a")],
            // It ran, and is asked for once more.
            vec![vertex("b", Some(1), Some(3))],
            vec![cached("b")],
        ];
        assert_eq!(told(lines), ["1 a Cached 0 ms", "2 b Started", "2 b Completed 2 ms"]);
    }

    #[test]
    fn the_step_that_failed_is_not_one_that_was_stopped() {
        let failed = |digest, error: &str| Vertex {
            error: error.to_owned(),
            ..vertex(digest, Some(1), Some(2))
        };
        let (mut trace, mut news) = (Trace::default(), Vec::new());
        let vertexes = vec![failed("stopped", "context canceled"), failed("bad", "exit code: 1")];
        trace.apply(StatusResponse { vertexes, ..StatusResponse::default() }, &mut news);
        assert_eq!(trace.failed(), Some(&FailedStep::of_vertex("[1/1] bad")));
    }

    #[test]
    fn layers_are_told_when_they_begin_and_end() {
        let status = |current, done: bool| VertexStatus {
            id: format!("extracting sha256:{}", "8".repeat(64)),
            current,
            total: 1_068_557,
            completed: done.then(Default::default),
            ..VertexStatus::default()
        };
        let (mut trace, mut news) = (Trace::default(), Vec::new());
        for status in [status(0, false), status(9, false), status(99, false), status(99, true)] {
            let statuses = vec![status];
            trace.apply(StatusResponse { statuses, ..StatusResponse::default() }, &mut news);
        }
        let expected =
            ["extracting sha256:888888888888 1.0 MB", "extracting sha256:888888888888 1.0 MB done"];
        assert_eq!(news, expected.map(|text| Progress::line(None, text)));
    }
}
