//! When a message that was not taken is tried again.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt as _;

/// A receiver cannot put off a try for longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What a try in vain leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It is tried again after so long.
    Wait(Duration),
    /// Something later is to be told: that is tried in its place after so long.
    PassBy(Duration),
    /// It was tried for as long as it is worth.
    GiveUp,
}

/// What else is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Later {
    /// There is something later already.
    Is,
    /// There will be: the build is not over.
    WillBe,
    /// This is the last there is.
    Never,
}

/// What follows the try number `attempts` in vain.
///
/// The end of a build is what a follower waits for most. So what came before it gives way after
/// three tries, and as long as the end is still to come no wait is longer than the second.
pub(super) fn after(
    waits: &[Duration],
    attempts: u32,
    later: Later,
    asked: Option<Duration>,
) -> After {
    const GIVES_WAY: usize = 3;
    let tried = usize::try_from(attempts).unwrap_or(usize::MAX);
    let at_least = asked.unwrap_or_default().min(LONGEST);
    let first = waits.first().copied().unwrap_or_default();
    let nth = |place: usize| waits.get(place.saturating_sub(1)).copied();
    match later {
        Later::Is if tried >= GIVES_WAY => After::PassBy(jittered(first).max(at_least)),
        Later::Is | Later::WillBe => {
            let wait = nth(tried.min(2)).unwrap_or(first);
            After::Wait(jittered(wait).max(at_least))
        }
        Later::Never => match nth(tried) {
            Some(wait) => After::Wait(jittered(wait).max(at_least)),
            None => After::GiveUp,
        },
    }
}

/// Give or take a fifth, so that what failed together is not tried together.
fn jittered(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.8..1.2))
}

/// A time after another.
pub(super) fn later_by(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    let wait = TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(wait).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The value of a `Retry-After` header: seconds, or a date (RFC 9110, section 10.2.3). A day at most.
pub(super) fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let asked = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let date = DateTime::parse_from_rfc2822(value).ok()?;
            (date.with_timezone(&Utc) - now).to_std().ok()?
        }
    };
    Some(asked.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::super::settings::PushSettings;
    use super::*;

    fn seconds(after: After) -> f64 {
        match after {
            After::Wait(wait) | After::PassBy(wait) => wait.as_secs_f64(),
            After::GiveUp => f64::INFINITY,
        }
    }

    #[test]
    fn the_end_is_tried_for_a_day() {
        let waits = PushSettings::default().waits;
        let expected = [5, 300, 1800, 7200, 18_000, 36_000, 36_000];
        for (attempts, expected) in (1..).zip(expected) {
            let wait = seconds(after(&waits, attempts, Later::Never, None));
            let share = wait / f64::from(expected);
            assert!((0.8..=1.2).contains(&share), "{attempts}: {wait}");
        }
        assert_eq!(after(&waits, 8, Later::Never, None), After::GiveUp);
    }

    #[test]
    fn what_came_before_gives_way() {
        let waits = PushSettings::default().waits;
        assert!(matches!(after(&waits, 2, Later::Is, None), After::Wait(_)));
        assert!(matches!(after(&waits, 3, Later::Is, None), After::PassBy(_)));
        for attempts in 2..50 {
            let wait = seconds(after(&waits, attempts, Later::WillBe, None));
            assert!((240.0..=360.0).contains(&wait), "{attempts}: {wait}");
        }
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_but_not_for_ever() {
        let waits = PushSettings::default().waits;
        let hour = Some(Duration::from_secs(3600));
        assert_eq!(seconds(after(&waits, 1, Later::Never, hour)), 3600.0);
        let year = Some(Duration::from_secs(365 * 86_400));
        assert_eq!(seconds(after(&waits, 1, Later::Never, year)), 86_400.0);
        let soon = Some(Duration::from_secs(1));
        assert!(seconds(after(&waits, 2, Later::Never, soon)) >= 240.0);
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(retry_after(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(retry_after("99999999999999999", now), Some(LONGEST));
        assert!(later_by(now, Duration::MAX) > now);
        let date = "Fri, 02 Jan 2026 03:04:35 GMT";
        assert_eq!(retry_after(date, now), Some(Duration::from_secs(30)));
        assert_eq!(retry_after("Thu, 01 Jan 2026 03:04:35 GMT", now), None);
        assert_eq!(retry_after("soon", now), None);
    }
}
