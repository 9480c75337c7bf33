//! The classic builder's output as steps and log bytes.
//!
//! It is a text made for people, in pieces. Observed on engine 20.10: a step begins with
//! a piece of its own, `Step 2/3 : RUN make`, without a newline, which follows alone; then
//! ` ---> Using cache` or ` ---> Running in 6fc2ab0020dd`, the step's output, and
//! ` ---> bbeb9c8e079c` with the id of what it made. Standard error comes wrapped in
//! red. Podman speaks alike, with `STEP`.

use tokio::time::Instant;

use bytes::Bytes;
use slipway_domain::{LogStream, StepStatus};

use super::faults::FailedStep;
use super::layers::Layers;
use super::lines::Line;
use super::progress::Progress;

const RED: &str = "\u{1b}[91m";
const PLAIN: &str = "\u{1b}[0m";

/// What is known of a build so far.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    step: Option<Step>,
    layers: Layers,
}

#[derive(Debug)]
struct Step {
    number: u32,
    total: u32,
    instruction: String,
    began: Instant,
    cached: bool,
}

impl Transcript {
    /// Adds what a line of the answer says to `news`, and takes the output out of it.
    pub(super) fn apply(&mut self, line: &mut Line, now: Instant, news: &mut Vec<Progress>) {
        if let Some(text) = line.stream.take() {
            self.output(text, now, news);
        }
        if let Some(text) = self.layers.tell(line) {
            news.push(Progress::line(self.number(), &text));
        }
    }

    /// Adds the end of the last step to `news`. To be called at the end.
    pub(super) fn finish(&mut self, error: Option<&str>, now: Instant, news: &mut Vec<Progress>) {
        let Some(step) = &self.step else { return };
        let status = match (error, step.cached) {
            (Some(_), _) => StepStatus::Failed,
            (None, true) => StepStatus::Cached,
            (None, false) => StepStatus::Completed,
        };
        let duration = now.saturating_duration_since(step.began).as_millis();
        news.push(Progress::Step {
            step: step.number,
            name: step.name(),
            status,
            error: error.map(ToOwned::to_owned),
            duration_ms: i64::try_from(duration).ok(),
        });
    }

    /// The step that runs, for the words of a failure.
    pub(super) fn failed(&self) -> Option<FailedStep> {
        let step = self.step.as_ref()?;
        Some(FailedStep::new(step.number, step.total, None, &step.instruction))
    }

    fn number(&self) -> Option<u32> {
        self.step.as_ref().map(|step| step.number)
    }

    fn output(&mut self, text: String, now: Instant, news: &mut Vec<Progress>) {
        if let Some(step) = self.next_step(&text, now) {
            self.finish(None, now, news);
            news.push(Progress::Step {
                step: step.number,
                name: step.name(),
                status: StepStatus::Started,
                error: None,
                duration_ms: None,
            });
            self.step = Some(step);
            return;
        }
        // Podman: `--> Using cache bbeb9c8e079c`
        if text == " ---> Using cache\n" || text.starts_with("--> Using cache ") {
            if let Some(step) = &mut self.step {
                step.cached = true;
            }
            return;
        }
        // What stands alone belongs to the line before it, and the tag is ours alone.
        if text == "\n" || text.starts_with("Successfully tagged ") {
            return;
        }
        let red = text.strip_prefix(RED).and_then(|text| text.strip_suffix(PLAIN));
        let (stream, bytes) = match red {
            Some(text) => (LogStream::Stderr, Bytes::copy_from_slice(text.as_bytes())),
            None => (LogStream::Stdout, text.into()),
        };
        news.push(Progress::Log { step: self.number(), stream, bytes });
    }

    /// `Step 2/3 : RUN make`, if that comes next. A command may print the like of it, but in
    /// a piece that ends in a newline.
    fn next_step(&self, text: &str, now: Instant) -> Option<Step> {
        let rest = text.strip_prefix("Step ").or_else(|| text.strip_prefix("STEP "))?;
        let (count, instruction) = rest.split_once(':')?;
        let (number, total) = count.trim().split_once('/')?;
        let (number, total) = (number.parse().ok()?, total.parse().ok()?);
        let expected = self.step.as_ref().map_or((1, total), |step| (step.number + 1, step.total));
        // Podman's whole output is lines.
        let whole = text.starts_with("STEP ") || !text.ends_with('\n');
        ((number, total) == expected && number <= total && whole).then(|| Step {
            number,
            total,
            instruction: instruction.trim().to_owned(),
            began: now,
            cached: false,
        })
    }
}

impl Step {
    fn name(&self) -> String {
        format!("[{}/{}] {}", self.number, self.total, self.instruction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pieces: &[&str], error: Option<&str>) -> Vec<String> {
        let (mut transcript, mut news) = (Transcript::default(), Vec::new());
        let now = Instant::now();
        for piece in pieces {
            let mut line = Line { stream: Some((*piece).to_owned()), ..Line::default() };
            transcript.apply(&mut line, now, &mut news);
        }
        transcript.finish(error, now, &mut news);
        let tell = |item| match item {
            Progress::Step { step, name, status, .. } => format!("{step} {name} {status:?}"),
            Progress::Log { step, stream, bytes } => {
                format!("{step:?} {stream:?} {}", String::from_utf8_lossy(&bytes))
            }
        };
        news.into_iter().map(tell).collect()
    }

    #[test]
    fn a_build_as_engine_20_10_tells_it() {
        let pieces = [
            "Step 1/3 : FROM r/x AS build",
            "\n",
            " ---> ff9f3458e421\n",
            "Step 2/3 : RUN a",
            "\n",
            " ---> Using cache\n",
            " ---> bbeb9c8e079c\n",
            "Step 3/3 : RUN b",
            "\n",
            " ---> Running in 6fc2ab0020dd\n",
            "Step 4/3 : not a step\n",
            "\u{1b}[91merr\n\u{1b}[0m",
        ];
        assert_eq!(
            told(&pieces, Some("it failed")),
            [
                "1 [1/3] FROM r/x AS build Started",
                "Some(1) Stdout  ---> ff9f3458e421\n",
                "1 [1/3] FROM r/x AS build Completed",
                "2 [2/3] RUN a Started",
                "Some(2) Stdout  ---> bbeb9c8e079c\n",
                "2 [2/3] RUN a Cached",
                "3 [3/3] RUN b Started",
                "Some(3) Stdout  ---> Running in 6fc2ab0020dd\n",
                "Some(3) Stdout Step 4/3 : not a step\n",
                "Some(3) Stderr err\n",
                "3 [3/3] RUN b Failed",
            ]
        );
    }

    #[test]
    fn output_that_looks_like_a_step() {
        let pieces = ["Step 1/2 : FROM x", "\n", "Step 2/2 : RUN evil\n", "Step 7/9 : x", "Step x"];
        let told = told(&pieces, None);
        assert!(
            told.iter().all(|line| !line.contains("[2/2]") && !line.contains("[7/9]")),
            "{told:?}"
        );
    }
}
