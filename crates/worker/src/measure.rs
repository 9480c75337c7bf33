//! What a build's stages take, for metrics and as spans.

use std::sync::{Mutex, PoisonError};

use slipway_domain::Stage;
use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;

/// The watch of one attempt.
#[derive(Debug)]
pub(crate) struct StageWatch {
    build: Span,
    now: Mutex<Lap>,
}

/// A stage that goes on. Its span ends with it.
#[derive(Debug)]
struct Lap {
    stage: Stage,
    since: Instant,
    span: Span,
}

impl StageWatch {
    /// Begins in Preparing, below the span of the build.
    pub(crate) fn start(build: Span) -> Self {
        let now = Mutex::new(Lap::of(Stage::Preparing, &build));
        Self { build, now }
    }

    /// The build goes on to `stage`: the one before went well.
    pub(crate) fn entered(&self, stage: Stage) {
        let next = Lap::of(stage, &self.build);
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, next).over("passed");
    }

    /// The attempt is over. `outcome` says how the build stands then, or `lost` where
    /// somebody else holds it.
    pub(crate) fn over(self, outcome: &'static str) {
        self.now.into_inner().unwrap_or_else(PoisonError::into_inner).over(outcome);
    }
}

impl Lap {
    fn of(stage: Stage, build: &Span) -> Self {
        let span = tracing::info_span!(
            parent: build, "stage", otel.name = stage.as_str(), stage.outcome = Empty
        );
        Self { stage, since: Instant::now(), span }
    }

    fn over(self, outcome: &'static str) {
        self.span.record("stage.outcome", outcome);
        metrics::histogram!(
            "slipway_stage_duration_seconds", "stage" => self.stage.as_str(), "outcome" => outcome
        )
        .record(self.since.elapsed().as_secs_f64());
    }
}
