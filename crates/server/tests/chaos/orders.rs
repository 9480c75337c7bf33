//! What is ordered.

use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// What is to become of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Success,
    /// Its `RUN` fails.
    StepFails,
    /// Its Dockerfile cannot be parsed.
    NoDockerfile,
    /// It outlasts the time that it asked for.
    TimesOut,
    /// It is cancelled after so many milliseconds.
    Cancelled(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) wanted: Wanted,
    pub(crate) image: String,
    pub(crate) dockerfile: String,
    /// Before it is sent.
    pub(crate) wait: Duration,
}

/// Builds of all kinds, in no order.
pub(crate) fn orders(count: usize, registry: &str, random: &mut StdRng) -> Vec<Order> {
    const KINDS: [Wanted; 8] = [
        Wanted::Success,
        Wanted::Success,
        Wanted::Success,
        Wanted::Success,
        Wanted::StepFails,
        Wanted::NoDockerfile,
        Wanted::TimesOut,
        Wanted::Cancelled(0),
    ];
    let one = |number: usize| {
        let wanted = match KINDS.choose(random).copied() {
            Some(Wanted::Cancelled(_)) => Wanted::Cancelled(random.random_range(0..4000)),
            other => other.unwrap_or(Wanted::Success),
        };
        let seconds = random.random_range(0..4);
        let run = |command: &str| {
            format!("RUN [\"/busybox\", \"sh\", \"-c\", \"echo {number}; {command}\"]\n")
        };
        let step = match wanted {
            Wanted::Success => run(&format!("/busybox sleep {seconds}")),
            Wanted::StepFails => run("exit 3"),
            Wanted::NoDockerfile => "NONSENSE here\n".into(),
            Wanted::TimesOut | Wanted::Cancelled(_) => run("/busybox sleep 600"),
        };
        Order {
            wanted,
            // Some share a tag, and take turns.
            image: format!("{registry}/chaos/app-{}:1", number / 2),
            dockerfile: format!("FROM scratch\nCOPY busybox /busybox\nLABEL n={number}\n{step}"),
            wait: Duration::from_millis(random.random_range(0..600)),
        }
    };
    (0..count).map(one).collect()
}
