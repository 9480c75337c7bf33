//! The numbers of a process, for Prometheus.
//!
//! What happens is counted where it happens, through the `metrics` facade; how things
//! stand is read from the rows when somebody asks. [`catalogue`] lists them all.

mod catalogue;
mod rows;
mod text;

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use slipway_api::Scrape;
use slipway_domain::{BuildState, Fault, Outcome};

use crate::parts::ground::Ground;
use catalogue::{COUNTERS, FINISHED, GAUGES, HISTOGRAMS, WITHOUT_LABELS};
use rows::Rows;

/// How often samples of histograms are put into their buckets, where nobody scrapes.
const UPKEEP: Duration = Duration::from_secs(10);

/// Begins to count, and says how to read what was counted. Call it inside of a runtime,
/// once in a process.
///
/// # Errors
/// When the process counts already.
pub(crate) fn start(ground: &Ground, role: &'static str) -> Result<Scrape, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for (name, buckets, _) in HISTOGRAMS {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), buckets)?;
    }
    let handle = builder.install_recorder()?;
    for (name, help) in COUNTERS {
        metrics::describe_counter!(name, help);
    }
    begin_at_zero();
    for (name, help) in GAUGES {
        metrics::describe_gauge!(name, help);
    }
    for (name, _, help) in HISTOGRAMS {
        metrics::describe_histogram!(name, help);
    }
    metrics::describe_gauge!("slipway_info", catalogue::INFO);
    metrics::gauge!("slipway_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role).set(1);
    tokio::spawn(keep_up(handle.clone()));
    let rows = Arc::new(Rows::new(ground));
    Ok(Scrape(Arc::new(move || {
        let (handle, rows) = (handle.clone(), Arc::clone(&rows));
        Box::pin(async move { handle.render() + &rows.render().await })
    })))
}

/// A counter that comes into being with what it counts has not grown by that, as `increase()` sees
/// it: what is alerted on is there before it happens.
fn begin_at_zero() {
    for name in WITHOUT_LABELS {
        metrics::counter!(name).absolute(0);
    }
    let ends = [Outcome::Failed, Outcome::TimedOut].into_iter().flat_map(|outcome| {
        Fault::ALL.map(|fault| (BuildState::Finished(outcome), fault.as_str()))
    });
    let others = [Outcome::Succeeded, Outcome::Cancelled];
    let others = others.map(|outcome| (BuildState::Finished(outcome), "none"));
    for (state, fault) in ends.chain(others) {
        let (name, outcome) = (FINISHED, state.as_str());
        metrics::counter!(name, "outcome" => outcome, "fault" => fault).absolute(0);
    }
}

async fn keep_up(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        handle.run_upkeep();
    }
}
