//! A post without an answer, in words for whoever named the address.

use std::fmt;

use super::error::FetchErrorKind as Kind;

/// A post that got no answer. It holds no userinfo, query or header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostError {
    /// The address, as [`show_url`](crate::show_url) shows it.
    pub at: String,
    /// What happened.
    pub kind: Kind,
}

impl PostError {
    /// Whether the address may not be reached, now or later.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        matches!(self.kind, Kind::Refused(_) | Kind::BadUrl(_))
    }
}

impl fmt::Display for PostError {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are of bodies that are fetched")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        match &self.kind {
            Kind::BadUrl(why) => write!(f, "the address {at} {why}"),
            Kind::Refused(refused) => {
                write!(f, "{at} cannot be told: {refused}; {}", refused.hint())
            }
            Kind::Unresolved(why) => write!(f, "{at} cannot be told: {why}"),
            Kind::Unreachable(why) => write!(f, "{at} does not answer: {why}"),
            Kind::Tls(fault) => write!(f, "{at} cannot be told safely: {fault}"),
            Kind::NotHttp => write!(f, "what answers at {at} is no http server"),
            Kind::Idle(time) => {
                write!(f, "{at} did not answer within {} s", time.as_secs_f64())
            }
            _ => write!(f, "{at} does not answer"),
        }
    }
}

impl std::error::Error for PostError {}
