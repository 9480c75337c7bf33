//! The words for a build's state.

use serde::{Deserialize, Serialize};
use slipway_domain::{BuildState, Outcome, Stage};
use utoipa::ToSchema;

/// Where a build stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It waits in line for a host.
    Queued,
    /// Its context is on the way to the engine.
    Preparing,
    /// The engine runs the Dockerfile.
    Building,
    /// The image travels to the registry.
    Pushing,
    /// The image is taken off the host.
    Purging,
    /// The image is where it was asked to be.
    Succeeded,
    /// It could not be built or pushed.
    Failed,
    /// Somebody asked for it to stop.
    Cancelled,
    /// A stage outlasted its time.
    TimedOut,
}

impl From<BuildState> for Status {
    fn from(state: BuildState) -> Self {
        match state {
            BuildState::Queued => Self::Queued,
            BuildState::Running(Stage::Preparing) => Self::Preparing,
            BuildState::Running(Stage::Building) => Self::Building,
            BuildState::Running(Stage::Pushing) => Self::Pushing,
            BuildState::Running(Stage::Purging) => Self::Purging,
            BuildState::Finished(Outcome::Succeeded) => Self::Succeeded,
            BuildState::Finished(Outcome::Failed) => Self::Failed,
            BuildState::Finished(Outcome::Cancelled) => Self::Cancelled,
            BuildState::Finished(Outcome::TimedOut) => Self::TimedOut,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_rows_and_logs() {
        for state in BuildState::ALL {
            let word = serde_json::to_string(&Status::from(state)).unwrap();
            assert_eq!(word, format!("\"{state}\""));
        }
    }
}
