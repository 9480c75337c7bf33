//! What a build or a push tells while it runs.

use bytes::Bytes;
use slipway_domain::{LogStream, StepStatus};
use tokio::sync::mpsc;

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

impl Progress {
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
    for item in news.drain(..) {
        if to.send(item).await.is_err() {
            break;
        }
    }
}
