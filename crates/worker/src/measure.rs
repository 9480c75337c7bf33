//! What a build's stages took, for metrics.

use std::sync::{Mutex, PoisonError};

use slipway_domain::Stage;
use tokio::time::Instant;

/// The watch of one attempt. Begins in Preparing.
#[derive(Debug)]
pub(crate) struct StageWatch(Mutex<(Stage, Instant)>);

impl Default for StageWatch {
    fn default() -> Self {
        Self(Mutex::new((Stage::Preparing, Instant::now())))
    }
}

impl StageWatch {
    /// The build goes on to `stage`: the one before went well.
    pub(crate) fn entered(&self, stage: Stage) {
        self.lap(stage, "passed");
    }

    /// The attempt is over in the stage it was in. `outcome` says how the build stands then,
    /// or `lost` where somebody else holds it.
    pub(crate) fn over(&self, outcome: &'static str) {
        let stage = self.0.lock().unwrap_or_else(PoisonError::into_inner).0;
        self.lap(stage, outcome);
    }

    fn lap(&self, next: Stage, outcome: &'static str) {
        let mut at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (stage, since) = std::mem::replace(&mut *at, (next, Instant::now()));
        metrics::histogram!(
            "slipway_stage_duration_seconds", "stage" => stage.as_str(), "outcome" => outcome
        )
        .record(since.elapsed().as_secs_f64());
    }
}
