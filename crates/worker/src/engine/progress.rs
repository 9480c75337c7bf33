//! What a build or a push tells while it runs.

use bytes::{Bytes, BytesMut};
use slipway_domain::{LogStream, StepStatus};
use tokio::sync::mpsc;

/// Bytes of output to which no more are joined: what waits is counted in pieces.
const ENOUGH: usize = 64 * 1024;

/// Something that happened in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step of the Dockerfile, or of the builder's own, began or ended. Each status comes
    /// at most once for a step. One that ends as `Cached` may have been `Started` before: the
    /// classic builder always starts a step and then looks into its cache.
    Step {
        /// Number of the step within the build, from 1, in order of appearance.
        step: u32,
        /// The builder's name for it, such as `[2/3] RUN make`.
        name: String,
        /// What became of it.
        status: StepStatus,
        /// The builder's error, when it failed.
        error: Option<String>,
        /// How long it ran, in milliseconds, when it ended.
        duration_ms: Option<i64>,
    },
    /// Output, in pieces as they come: a piece may end in the middle of a line or of a
    /// character. `Progress` and `Slipway` come in whole lines.
    Log {
        /// The step it came from, if any.
        step: Option<u32>,
        /// Which of its outputs.
        stream: LogStream,
        /// The bytes.
        bytes: Bytes,
    },
}

/// How the step of BuildKit's begins that comes after all others, and depends on all.
pub(super) const EXPORT: &str = "exporting to ";

impl Progress {
    /// Whether the builder has written the image: all that is left to come is its answer.
    pub(crate) fn is_exported(&self) -> bool {
        matches!(self, Self::Step { name, status, .. }
            if name.starts_with(EXPORT) && *status != StepStatus::Started)
    }

    /// A line of the engine's progress. `text` has no newline.
    pub(super) fn line(step: Option<u32>, text: &str) -> Self {
        Self::Log { step, stream: LogStream::Progress, bytes: format!("{text}\n").into() }
    }

    /// A line of our own. `text` has no newline.
    pub(super) fn said(text: &str) -> Self {
        Self::Log { step: None, stream: LogStream::Slipway, bytes: format!("{text}\n").into() }
    }
}

/// Hands on what happened, as fast as the receiver takes it. A receiver that is gone does not
/// end the work: who wants that drops the work itself.
pub(super) async fn report(news: &mut Vec<Progress>, to: &mpsc::Sender<Progress>) {
    for item in joined(news) {
        if to.send(item).await.is_err() {
            break;
        }
    }
}

/// What happened, with the output of one step on one stream in one piece: each piece wakes the
/// receiver.
fn joined(news: &mut Vec<Progress>) -> Vec<Progress> {
    let mut joined: Vec<Progress> = Vec::with_capacity(news.len());
    for item in news.drain(..) {
        match (joined.last_mut(), item) {
            (
                Some(Progress::Log { step, stream, bytes }),
                Progress::Log { step: next, stream: on, bytes: more },
            ) if *step == next && *stream == on && bytes.len() < ENOUGH => {
                let mut both = BytesMut::from(std::mem::take(bytes));
                both.extend_from_slice(&more);
                *bytes = both.freeze();
            }
            (_, item) => joined.push(item),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_that_comes_together_is_one_piece() {
        let log = |step, stream, text: &'static str| Progress::Log {
            step,
            stream,
            bytes: Bytes::from_static(text.as_bytes()),
        };
        let (out, err) = (LogStream::Stdout, LogStream::Stderr);
        let step = Progress::Step {
            step: 2,
            name: "RUN true".to_owned(),
            status: StepStatus::Started,
            error: None,
            duration_ms: None,
        };
        let mut news = vec![
            log(Some(1), out, "a"),
            log(Some(1), out, "b\n"),
            log(Some(1), out, "c"),
            log(Some(1), err, "d"),
            step.clone(),
            log(Some(1), err, "e"),
            log(Some(2), err, "f"),
        ];
        let expected = vec![
            log(Some(1), out, "ab\nc"),
            log(Some(1), err, "d"),
            step,
            log(Some(1), err, "e"),
            log(Some(2), err, "f"),
        ];
        assert_eq!(joined(&mut news), expected);
        assert_eq!(news, []);
    }
}
