//! Every metric there is, with what it means. docs/metrics.md says the same for operators,
//! and a test compares the two.

/// Answers to a request, and a worker's small doings.
const SHORT: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Stages of a build, and waits for one.
const LONG: &[f64] =
    &[0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];

/// Counted by the process since it started: name, help.
pub(super) const COUNTERS: [(&str, &str); 10] = [
    ("slipway_builds_submitted_total", "Builds that this process accepted."),
    (FINISHED, "Builds that this process ended, by outcome and by whose fault it was."),
    ("slipway_http_requests_total", "Requests answered, by method, route and status."),
    ("slipway_lease_expiries_total", "Leases of lost workers that this process took back."),
    ("slipway_log_bytes_total", "Bytes of build output that this process wrote, masked."),
    ("slipway_deliveries_total", "Tries to tell followers of builds, by outcome."),
    (
        "slipway_webhook_deliveries_total",
        "Deliveries of forges that this process answered, by forge and outcome.",
    ),
    ("slipway_push_retries_total", "Pushes that failed and were tried again."),
    ("slipway_logs_moved_total", "Logs that this process moved to the blob store."),
    ("slipway_logs_moved_bytes_total", "What these hold there, in compressed bytes."),
];

/// Those of them that have a series for each outcome and fault.
pub(super) const FINISHED: &str = "slipway_builds_finished_total";

/// Those of them that are one series.
pub(super) const WITHOUT_LABELS: [&str; 6] = [
    "slipway_builds_submitted_total",
    "slipway_lease_expiries_total",
    "slipway_log_bytes_total",
    "slipway_push_retries_total",
    "slipway_logs_moved_total",
    "slipway_logs_moved_bytes_total",
];

/// Measured by the process since it started: name, buckets, help.
pub(super) const HISTOGRAMS: [(&str, &[f64], &str); 4] = [
    (
        "slipway_http_request_duration_seconds",
        SHORT,
        "Time until an answer begins, by method and route.",
    ),
    (
        "slipway_delivery_lag_seconds",
        LONG,
        "Time from a change of a build's state to the answer of who was told of it.",
    ),
    ("slipway_build_wait_seconds", LONG, "Time from a build's submit to its claim."),
    (
        "slipway_stage_duration_seconds",
        LONG,
        "Time that a build spent in a stage, by stage and by how it left it.",
    ),
];

/// How things stand in the process: name, help.
pub(super) const GAUGES: [(&str, &str); 3] = [
    (
        "slipway_followers",
        "Who follows builds or reads a log through this process: clients, and receivers of logs.",
    ),
    ("slipway_followed_builds", "Builds that this process reads because somebody follows them."),
    (
        "slipway_followed_projects",
        "Projects that this process reads because somebody follows them.",
    ),
];

/// Of the process itself.
pub(super) const INFO: &str = "Always 1; the labels say release and role.";

/// Read from the rows when somebody asks: name, help. Every process of a service tells the
/// same, so take the maximum over instances and not the sum.
pub(super) mod rows {
    pub(crate) type Gauge = (&'static str, &'static str);

    pub(crate) const DATABASE_UP: Gauge =
        ("slipway_database_up", "Whether the rows could be read; the gauges of rows need it.");
    pub(crate) const BROKER_UP: Gauge =
        ("slipway_queue_up", "Whether this process can ring and hear bells.");
    pub(crate) const DEPTH: Gauge =
        ("slipway_queue_depth", "Builds that wait, by the platform that they ask for.");
    pub(crate) const OLDEST: Gauge = (
        "slipway_queue_oldest_wait_seconds",
        "How long the oldest waiting build has waited, by the platform that it asks for.",
    );
    pub(crate) const BUILDS: Gauge = ("slipway_builds", "Builds that are not over, by state.");
    pub(crate) const OUTBOX: Gauge = ("slipway_outbox_bells", "Bells that are still to be rung.");
    pub(crate) const OUTBOX_AGE: Gauge = (
        "slipway_outbox_oldest_seconds",
        "How long the oldest bell has waited to be rung; 0 with none.",
    );
    pub(crate) const FOLLOWERS: Gauge = (
        "slipway_followers_due",
        "Followers that are to be told something now, and that nobody is telling.",
    );
    pub(crate) const FOLLOWERS_AGE: Gauge = (
        "slipway_followers_due_oldest_seconds",
        "How long the first of them has waited, but for waits between tries; 0 with none.",
    );
    pub(crate) const INBOX: Gauge =
        ("slipway_webhook_inbox", "Deliveries of forges that are still to be worked off.");
    pub(crate) const INBOX_AGE: Gauge = (
        "slipway_webhook_inbox_oldest_seconds",
        "How long the oldest of them has waited; 0 with none.",
    );
    pub(crate) const SLOTS: Gauge = ("slipway_host_slots", "Builds that a host takes at once.");
    pub(crate) const RUNNING: Gauge = ("slipway_host_running", "Builds that run on a host.");
    pub(crate) const HEALTHY: Gauge = (
        "slipway_host_healthy",
        "Whether a worker can use a host, by its last probe; 0 after a minute without one.",
    );
    pub(crate) const DRAINED: Gauge =
        ("slipway_host_drained", "Whether an operator has drained a host.");
    pub(crate) const PROBE_AGE: Gauge =
        ("slipway_host_probe_age_seconds", "How long ago a worker last probed a host.");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names and the help of what this file lists.
    fn listed() -> BTreeSet<(String, String)> {
        use super::rows::*;

        let rows = [
            DATABASE_UP,
            BROKER_UP,
            DEPTH,
            OLDEST,
            BUILDS,
            OUTBOX,
            OUTBOX_AGE,
            FOLLOWERS,
            FOLLOWERS_AGE,
            INBOX,
            INBOX_AGE,
            SLOTS,
            RUNNING,
            HEALTHY,
            DRAINED,
            PROBE_AGE,
        ];
        let own = [("slipway_info", super::INFO)];
        let measured = super::HISTOGRAMS.map(|(name, _, help)| (name, help));
        let all =
            super::COUNTERS.into_iter().chain(super::GAUGES).chain(measured).chain(rows).chain(own);
        all.map(|(name, help)| (name.to_owned(), help.to_owned())).collect()
    }

    #[test]
    fn the_document_says_the_same() {
        let text = include_str!("../../../../docs/metrics.md");
        let documented: BTreeSet<(String, String)> = text
            .lines()
            .filter_map(|line| line.strip_prefix("| `slipway_"))
            .map(|row| {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                (format!("slipway_{}", cells[0].trim_end_matches('`')), cells[3].to_owned())
            })
            .collect();
        assert_eq!(documented, listed());
    }
}
