//! Builds: submitted, claimed, moved from stage to stage, ended.

mod advance;
mod cancel;
mod claim;
mod crowd;
mod end;
mod forget;
mod give_up;
mod given;
mod hand_back;
mod lease;
mod line;
mod page;
mod read;
mod resolve;
mod row;
mod slots;
mod submit;
mod supersede;
mod transition;
mod waiting;

pub use advance::{advance, advance_after};
pub use cancel::{Cancelled, cancel, cancel_requested};
pub use claim::{Claimed, Offer, claim, is_anyone_waiting};
pub(crate) use crowd::Crowd;
pub use end::{Ending, finish, succeed};
pub use forget::forget;
pub use give_up::give_up;
pub use hand_back::{HandBack, hand_back};
pub use lease::{Heartbeat, Returned, renew, return_all, return_expired};
pub use page::{count, page};
pub use read::{Filter, Position, find, list};
pub use resolve::resolved;
pub use row::{Build, Timings};
pub use submit::{Idempotency, Submission, Submitted, submit};
pub use waiting::{Waiting, waiting};
