//! What forges have told: the inbox of triggers, and its history.
//!
//! A delivery is a row before the forge hears of it, and worked off later by whichever API
//! server gets to it first. Whoever works on it holds it for a while by a time in the row; one
//! that dies leaves it to another. What it asks for is submitted under a key of its own, so that
//! a delivery which is worked twice builds once.

mod history;
mod inbox;
mod row;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use slipway_domain::{BuildId, Forge, Happening, WebhookId};

pub use self::history::{forget, list};
pub use self::inbox::{claim, finish, take_in};

/// A delivery that was signed, and read.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// The id that it gets if it is new.
    pub id: WebhookId,
    /// Whose it is.
    pub forge: Forge,
    /// The forge's own name for it.
    pub delivery: String,
    /// The body's SHA-256, 64 hexadecimal digits.
    pub body_sha256: String,
    /// `push`, `release` or `pull_request`.
    pub event: String,
    /// `owner/name`.
    pub repository: String,
    /// What it is about.
    pub reference: String,
    /// What happened, or why nothing comes of it whatever the triggers are.
    pub happening: Result<Happening, String>,
    /// The triggers whose secret it was signed with.
    pub signed_for: Vec<String>,
}

/// A delivery as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub forge: Forge,
    /// The forge's own name for it.
    pub delivery: String,
    /// `push`, `release` or `pull_request`.
    pub event: String,
    /// `owner/name`.
    pub repository: String,
    /// What it is about.
    pub reference: String,
    /// What happened; `None` where nothing could come of it.
    pub happening: Option<Happening>,
    /// The triggers whose secret it was signed with.
    pub signed_for: Vec<String>,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// How often somebody has begun to work on it.
    pub attempts: i32,
    /// When it was worked off.
    pub worked_at: Option<DateTime<Utc>>,
    /// What became of it; `None` while it waits.
    pub outcome: Option<Outcome>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// It was passed by as it came, for all triggers.
    Ignored {
        /// Why.
        reason: String,
    },
    /// Each trigger that it was signed for has had its say.
    Worked {
        /// What each of them did.
        triggers: Vec<Fired>,
    },
}

/// What a trigger made of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// The trigger's name.
    pub trigger: String,
    /// The build that it submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildId>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of taking a delivery in.
#[derive(Debug)]
pub enum TakenIn {
    /// It is new.
    New,
    /// It came before.
    Before(Box<Delivery>),
}
