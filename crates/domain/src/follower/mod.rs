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

impl Follower {
    /// All of it as one text, for a digest that tells requests apart. It holds what must not be
    /// shown.
    #[must_use]
    pub fn expose_text(&self) -> String {
        let address = match &self.address {
            FollowerAddress::Http { url, .. } => url.expose().to_owned(),
            FollowerAddress::Kafka(_) => self.address.shown(),
        };
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|s| s.expose().to_owned());
        let (header, key) = (secret(&self.authorization), secret(&self.signing_key));
        // Texts, numbers and values that were JSON: this cannot fail to serialise.
        serde_json::to_string(&(self.kind.as_str(), &self.form, address, header, key))
            .unwrap_or_default()
    }
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

    /// The kind that a word stands for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Status, Self::Logs].into_iter().find(|kind| kind.as_str() == word)
    }
}
