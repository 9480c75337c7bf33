//! The time, as rows can keep it.

use chrono::{DateTime, SubsecRound, Utc};

/// The time, to the microsecond: what PostgreSQL keeps. A finer time would compare as
/// later than its own row.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
