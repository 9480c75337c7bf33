//! What a trigger can wait for.

use serde::{Deserialize, Serialize};

/// What has to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerEvent {
    /// A branch or a tag is pushed.
    Push,
    /// A release is published.
    Release,
    /// A pull request is opened, or has new commits. GitLab calls it a merge request.
    PullRequest,
}

impl TriggerEvent {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Push, Self::Release, Self::PullRequest];

    /// The word for it, in requests and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Release => "release",
            Self::PullRequest => "pull_request",
        }
    }

    /// The same in a sentence.
    pub(super) const fn in_words(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Release => "release",
            Self::PullRequest => "pull request",
        }
    }
}
