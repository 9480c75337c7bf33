//! Through what a build goes, and what is wanted of it.

/// One way, in the names of its rows.
#[derive(Debug)]
pub(crate) struct Through {
    /// Stands before the name of each row.
    pub(crate) name: &'static str,
    /// One build at a time, as a ratio of medians: at most.
    pub(crate) one: f64,
    /// Four at a time, as a ratio of builds a second: at least.
    pub(crate) four: f64,
    /// From the POST to the claim, in milliseconds, where nothing else waits: at most half of
    /// them, and 95 of 100.
    pub(crate) claim_ms: Option<(f64, f64)>,
}

/// One process.
pub(crate) const STANDALONE: Through = Through { name: "", one: 1.05, four: 0.95, claim_ms: None };

/// An API server and a worker, over PostgreSQL and RabbitMQ.
pub(crate) const DAEMONS: Through =
    Through { name: "daemons, ", one: 1.08, four: 0.93, claim_ms: Some((10.0, 25.0)) };
