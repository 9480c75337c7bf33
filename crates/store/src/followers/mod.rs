//! Who is told of a build without asking, and what became of each try.
//!
//! Nothing is written when something happens in a build: a follower is due while the build has
//! events after the one that it was told of last, which one look at an index says. Any API
//! server may [`take`] a follower that is due, for as long as a lease lasts; one that was
//! killed loses it, and another goes on at the same place with the same message ids.

mod deliveries;
mod insert;
mod lease;
mod progress;
mod read;
mod resend;
mod retention;
mod sealed;
mod take;

use chrono::{DateTime, Utc};
use slipway_domain::{BuildId, FollowerForm, FollowerId, FollowerKind};

pub use deliveries::{Answer, Attempted, Delivery, DeliveryOutcome, Sent, deliveries, delivery};
pub(crate) use insert::insert;
pub use lease::{LeaseToken, Taken};
pub use progress::{Ended, Next, end_leases, give_back, record, renew};
pub use read::{of_build, opened, states_after};
pub use resend::{AskedAgain, Whose, ask_again, ask_again_since, resends, resent};
pub use retention::{erase_ended, forget_deliveries};
pub use take::{Lane, Transport, Wanted, is_anyone_waiting, take};

/// A follower as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Its id.
    pub id: FollowerId,
    /// The build that it is told of.
    pub build: BuildId,
    /// Its place in the request, from 0.
    pub place: i32,
    /// What it is told.
    pub kind: FollowerKind,
    /// In whose words.
    pub form: FollowerForm,
    /// Where it is, as it may be shown.
    pub address: String,
    /// How it is reached.
    pub transport: Transport,
    /// Where it stands.
    pub state: FollowerState,
    /// What was wrong, last or for good.
    pub why: Option<String>,
    /// The number of the last event that it was told of, or that was passed by.
    pub told_seq: i64,
    /// How often the next one was tried in vain.
    pub attempts: u32,
    /// Not to be tried before.
    pub due_at: DateTime<Utc>,
    /// When it stopped waiting.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether its address, header and key are still there.
    pub is_sealed: bool,
}

/// Where a follower stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FollowerState {
    /// There is something to tell, or there will be.
    Waiting,
    /// It was told of the end.
    Done,
    /// It said that it is gone.
    Disabled,
    /// It was tried for as long as it is worth.
    GivenUp,
}

impl FollowerState {
    const ALL: [Self; 4] = [Self::Waiting, Self::Done, Self::Disabled, Self::GivenUp];

    /// The word for it, in rows and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Disabled => "disabled",
            Self::GivenUp => "given_up",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}
