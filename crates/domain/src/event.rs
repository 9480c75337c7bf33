//! What happened in a build, in order.
//!
//! State changes, steps and log text share one gap-free sequence per build, so that a
//! follower can name the last thing it saw by one number, on any server and over any
//! transport.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Attempt, BuildState, Failure, HostName};

/// One thing that happened, at its place in the build's sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Place in the build's sequence, from 1, without gaps.
    pub seq: i64,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// The attempt it belongs to; 0 before the first claim.
    pub attempt: Attempt,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl Event {
    /// Whether it is the last one of its build.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(&self.body, EventBody::State { status, .. } if status.is_finished())
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    /// The build went to another state.
    State {
        /// The state it is in now.
        status: BuildState,
        /// The host it runs on, from the claim on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<HostName>,
        /// Why, where the state alone does not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// The registry's digest of the image, at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
        /// Why it did not succeed, at the end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// A step of the Dockerfile began or ended.
    Step {
        /// Number of the step within the attempt, from 1, in order of appearance.
        step: u32,
        /// The builder's name for it, such as `[2/3] RUN make`.
        name: String,
        /// What became of it.
        status: StepStatus,
        /// The builder's error, when it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// How long it ran, in milliseconds, when it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        duration_ms: Option<i64>,
    },
    /// Text came out: one line or more, each ending in a newline.
    Log {
        /// The step it came from, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<u32>,
        /// Which of its outputs.
        stream: LogStream,
        /// The text.
        text: String,
    },
}

impl EventBody {
    /// About how many bytes of text it holds.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Log { text, .. } => text.len(),
            Self::Step { name, error, .. } => name.len() + error.as_ref().map_or(0, String::len),
            Self::State { .. } => 0,
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It runs.
    Started,
    /// It did not have to run: its result was in the builder's cache.
    Cached,
    /// It ran to its end.
    Completed,
    /// It ended with an error.
    Failed,
}

/// Where log text came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// A step's standard output.
    Stdout,
    /// A step's standard error.
    Stderr,
    /// The engine's progress: pulls, pushes.
    Progress,
    /// Slipway itself.
    Slipway,
}
