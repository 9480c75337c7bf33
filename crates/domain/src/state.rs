//! Where a build stands, and which steps from there are allowed.
//!
//! The store repeats [`BuildState::may_become`] as a condition of every UPDATE and
//! counts the row, so that two processes that disagree cannot both win.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The state of a build. On the wire and in rows it is one word, see [`BuildState::as_str`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum BuildState {
    /// Waits in line for a host.
    Queued,
    /// A worker holds its lease.
    Running(Stage),
    /// Over. A finished build never changes.
    Finished(Outcome),
}

/// What a running build is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The build context is on its way to the engine.
    Preparing,
    /// The engine runs the Dockerfile.
    Building,
    /// The image travels to the registry.
    Pushing,
    /// The image is taken off the host.
    Purging,
}

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The image is where it was asked to be.
    Succeeded,
    /// It could not be built or pushed; the failure says why.
    Failed,
    /// A stage outlasted its time.
    TimedOut,
    /// Somebody asked for it to stop.
    Cancelled,
}

impl BuildState {
    /// Every state there is, in the order a build passes through them.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Running(Stage::Preparing),
        Self::Running(Stage::Building),
        Self::Running(Stage::Pushing),
        Self::Running(Stage::Purging),
        Self::Finished(Outcome::Succeeded),
        Self::Finished(Outcome::Failed),
        Self::Finished(Outcome::Cancelled),
        Self::Finished(Outcome::TimedOut),
    ];

    /// Whether a build in this state may go to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use Outcome::Succeeded;
        use Stage::{Building, Preparing, Purging, Pushing};
        match (self, next) {
            // Nothing follows an end, and nothing succeeds without having been built.
            (Self::Finished(_), _)
            | (
                Self::Queued | Self::Running(Preparing | Pushing),
                Self::Finished(Succeeded),
            ) => false,
            // A claim begins at the beginning; a lost lease returns there.
            (Self::Queued, Self::Running(Preparing))
            | (Self::Running(_), Self::Queued)
            // Any state can end badly.
            | (Self::Queued | Self::Running(_), Self::Finished(_))
            // Forward, where a build that keeps its image skips the push, and one whose
            // push failed still purges.
            | (Self::Running(Preparing), Self::Running(Building))
            | (Self::Running(Building), Self::Running(Pushing | Purging))
            | (Self::Running(Pushing), Self::Running(Purging)) => true,
            (Self::Queued, Self::Queued | Self::Running(_))
            | (Self::Running(_), Self::Running(_)) => false,
        }
    }

    /// The word for this state in rows and in the native API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running(stage) => stage.as_str(),
            Self::Finished(Outcome::Succeeded) => "succeeded",
            Self::Finished(Outcome::Failed) => "failed",
            Self::Finished(Outcome::Cancelled) => "cancelled",
            Self::Finished(Outcome::TimedOut) => "timed_out",
        }
    }

    /// Whether the build is over.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Finished(_))
    }
}

impl Stage {
    /// The word for this stage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Building => "building",
            Self::Pushing => "pushing",
            Self::Purging => "purging",
        }
    }
}

/// A word that names no state.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{0:?} is no build status; they are queued, preparing, building, pushing, purging, \
     succeeded, failed, cancelled and timed_out"
)]
pub struct UnknownState(pub String);

impl FromStr for BuildState {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| UnknownState(word.to_owned()))
    }
}

impl TryFrom<String> for BuildState {
    type Error = UnknownState;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<BuildState> for &'static str {
    fn from(state: BuildState) -> Self {
        state.as_str()
    }
}

impl fmt::Display for BuildState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Stage {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Stage {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match BuildState::deserialize(deserializer)? {
            BuildState::Running(stage) => Ok(stage),
            other @ (BuildState::Queued | BuildState::Finished(_)) => {
                Err(serde::de::Error::custom(format!("{other} is no stage")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of states, as a picture: a row goes to the columns marked `x`.
    #[test]
    fn every_pair_of_states() {
        let mut table = String::new();
        for from in BuildState::ALL {
            for to in BuildState::ALL {
                table.push(if from.may_become(to) { 'x' } else { '.' });
            }
            table.push_str(&format!(" {from}\n"));
        }
        // columns: queued, preparing, building, pushing, purging,
        //          succeeded, failed, cancelled, timed_out
        assert_eq!(
            table,
            "\
.x....xxx queued
x.x...xxx preparing
x..xxxxxx building
x...x.xxx pushing
x....xxxx purging
......... succeeded
......... failed
......... cancelled
......... timed_out
"
        );
    }

    #[test]
    fn a_word_and_back() {
        for state in BuildState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("done".parse::<BuildState>(), Err(UnknownState("done".into())));
    }
}
