//! The proof that somebody tells a follower at the moment.

use slipway_domain::{BuildId, Follower, FollowerId};
use uuid::Uuid;

use super::Lane;

/// What tells one hold on a follower from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseToken(pub(super) Uuid);

/// A follower in hand. Only [`take`](super::take) makes one; what is written of a follower
/// names its token, so that whoever lost it changes nothing.
#[derive(Debug)]
pub struct Taken {
    /// The follower's id.
    pub id: FollowerId,
    /// The build that it is told of.
    pub build: BuildId,
    /// What it is told, and how.
    pub lane: Lane,
    /// Whom deliveries are counted by: host and port, or the brokers.
    pub host: String,
    /// Who it is; `None` where its address is erased, or cannot be opened.
    pub follower: Option<Follower>,
    /// The number of the last event that it was told of.
    pub told_seq: i64,
    /// How often the next one was tried in vain.
    pub attempts: u32,
    /// Whether it waits for more to be told. If not, it was taken for what somebody asked to
    /// have told again.
    pub is_waiting: bool,
    /// Whether somebody asked for something to be told again.
    pub has_resends: bool,
    /// Whether whoever had it before never let go of it: that one was killed over it, or could
    /// not write down how it went. What it told may have arrived.
    pub was_left: bool,
    pub(super) token: LeaseToken,
}
