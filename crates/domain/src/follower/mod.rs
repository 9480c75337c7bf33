//! Who is told of a build without asking.
//!
//! A follower is a row of its own beside the build: where it is, in whose words it is told,
//! and how far it has got. What must not be shown of it is sealed, and outlives the build's
//! secrets: the last thing it is told comes after the end.

mod address;
mod form;

use crate::Secret;

pub use address::{FollowerAddress, KafkaTarget};
pub use form::{FollowerForm, Forge};

/// The most followers that a build may have.
pub const MAX_FOLLOWERS: usize = 16;

/// Who is told of a build, and how.
#[derive(Debug, Clone)]
pub struct Follower {
    /// What it is told.
    pub kind: FollowerKind,
    /// In whose words.
    pub form: FollowerForm,
    /// Where it is.
    pub address: FollowerAddress,
    /// The whole value of the `Authorization` header, where there is one.
    pub authorization: Option<Secret>,
    /// What bodies are signed with (Standard Webhooks), where they are signed.
    pub signing_key: Option<Secret>,
}

/// What a follower is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FollowerKind {
    /// Each change of state.
    Status,
    /// The log, as it comes.
    Logs,
}

impl FollowerKind {
    /// The word for it, in requests and rows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Logs => "logs",
        }
    }
}
